"""The batches in words: to citizens, to cashiers, and to the checker of a version."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from core.money import yuan_text
from core.passages import Passage, joined
from vouchers.definition.channel_words import channel_plan_words, slices_words
from vouchers.definition.channels import channel_names
from vouchers.definition.model import BatchSpec
from vouchers.definition.packs import pack_parts
from vouchers.definition.plan_words import next_wave_words, plan_words, wave_words
from vouchers.naming import scope_names
from vouchers.rules.benefit_model import ExchangeBenefit
from vouchers.rules.limit_words import who_words
from vouchers.rules.model import BatchRules, ItemRule, TriggerRule
from vouchers.rules.names import ScopeNames
from vouchers.rules.till_words import cancelling_words, till_words
from vouchers.rules.words import rules_words, using_words


def batches_rules_words(
    _spec: CampaignSpec, batches: list[BatchSpec], now: datetime | None
) -> list[Passage]:
    """Return every rule of each batch; with ``now`` also when its next wave opens."""
    names, channels = _scope_names(batches), channel_names(batches)
    return [_passage(batch, *_rules_lines(batch, now, names, channels)) for batch in batches]


def batches_till_words(_spec: CampaignSpec, batches: list[BatchSpec]) -> list[Passage]:
    """Return what a cashier checks and does, batch by batch, and how any payment is undone.

    No pack comes to a till, only its vouchers do.
    """
    names = _scope_names(batches)
    words = [
        _passage(batch, *till_words(batch.rules, face_fen=batch.face_fen, names=names))
        for batch in batches
        if not pack_parts(batch)
    ]
    return [*words, Passage("undoing", _("撤销与退款"), tuple(cancelling_words()))]


def batches_checked_words(spec: CampaignSpec, batches: list[BatchSpec]) -> list[Passage]:
    """Return everything about each batch that an approval freezes, wave by wave."""
    # Two clients may have one name; what is approved is the code.
    channels = {code: f"{name}（{code}）" for code, name in channel_names(batches).items()}
    names = _scope_names(batches)
    return [
        _passage(
            batch,
            *_rules_lines(batch, None, names, channels),
            *_money_lines(spec, batch),
            *_other_lines(batch, names, channels),
        )
        for batch in batches
    ]


def batches_signed(_spec: CampaignSpec, batches: list[BatchSpec]) -> list[str]:
    """Name the batches whose subsidy a refund does not bring back (domain-rules §6, CASH_ONLY)."""
    return [
        _("%(batch)s：退款不追回补贴资金，须分管领导签批") % {"batch": batch.name}
        for batch in batches
        if batch.rules.refund_policy == "CASH_ONLY"
    ]


def _passage(batch: BatchSpec, *lines: str) -> Passage:
    return Passage(f"batches.{batch.code}", batch.name, lines)


def _rules_lines(
    batch: BatchSpec, now: datetime | None, names: ScopeNames, channels: Mapping[str, str]
) -> list[str]:
    benefit, *others = rules_words(batch.rules, face_fen=batch.face_fen, names=names)
    coming = []
    if now is not None and batch.rules.issuing != "PACK":
        coming.append(next_wave_words(batch, now))
    return [benefit, *plan_words(batch), *channel_plan_words(batch, channels), *coming, *others]


def _money_lines(spec: CampaignSpec, batch: BatchSpec) -> Iterator[str]:
    yield _("每张面额 %(face)s 元") % {"face": yuan_text(batch.face_fen)}
    for code, weight in batch.funders.items():
        funder = spec.funder(code)
        yield _("%(funder)s：出资比例 %(weight)s，批次预算 %(budget)s 元") % {
            "funder": funder.name if funder else code,
            "weight": f"{weight}/{sum(batch.funders.values())}",
            "budget": yuan_text(batch.budget.get(code, 0)),
        }


def _other_lines(batch: BatchSpec, names: ScopeNames, channels: Mapping[str, str]) -> Iterator[str]:
    rules, parts = batch.rules, pack_parts(batch)
    if parts:
        codes = joined(f"{part.batch}×{part.quantity}" for part in parts)
        yield _("券包内容：%(codes)s") % {"codes": codes}
        # No voucher follows them, yet they are approved with the rest.
        yield from using_words(rules, names=names)
    if rules.issuing == "PACK":
        yield from who_words(rules)
    if rules.audience:
        yield _("定向人群代码：%(code)s") % {"code": rules.audience.code}
    if rules.group:
        yield _("所属组：%(group)s") % {"group": rules.group}
    # What is approved are the codes: of a long list not all names are said, and names change.
    if rules.use.stores:
        yield _("适用门店编号：%(codes)s") % {"codes": joined(rules.use.stores)}
    if rules.use.brands:
        yield _("适用品牌代码：%(codes)s") % {"codes": joined(rules.use.brands)}
    if isinstance(rules.benefit, ExchangeBenefit):
        yield _("兑换商品编码：%(code)s") % {"code": rules.benefit.sku}
    if rules.use.items:
        yield _("适用商品：%(goods)s") % {"goods": _goods(rules.use.items)}
    if rules.use.excluded_items:
        yield _("不适用商品：%(goods)s") % {"goods": _goods(rules.use.excluded_items)}
    if rules.use.excluded_goods:
        yield _("不适用商品类别：%(codes)s") % {"codes": joined(rules.use.excluded_goods)}
    yield from _limit_lines(rules)
    yield from _trigger_lines(rules.trigger)
    yield _("占用时限：收银台 %(till)s 秒，线上 %(online)s 秒") % {
        "till": rules.hold_seconds_till,
        "online": rules.hold_seconds_online,
    }
    for release in batch.releases:
        yield _("，").join((wave_words(release), *slices_words(release, channels)))


def _limit_lines(rules: BatchRules) -> Iterator[str]:
    """Yield the codes of limits and caps: under a new one they count from nothing again."""
    if rules.limits:
        codes = joined(limit.code for limit in rules.limits)
        yield _("限领限用规则代码：%(codes)s") % {"codes": codes}
    if rules.caps:
        yield _("投放上限代码：%(codes)s") % {"codes": joined(cap.code for cap in rules.caps)}


def _trigger_lines(trigger: TriggerRule | None) -> Iterator[str]:
    """Yield the codes of what a return voucher is given for."""
    if trigger is None:
        return
    if trigger.batches:
        codes = joined(one.batch for one in trigger.batches)
        yield _("返券所凭批次代码：%(codes)s") % {"codes": codes}
    if trigger.use.stores:
        yield _("返券所凭门店编号：%(codes)s") % {"codes": joined(trigger.use.stores)}
    if trigger.use.brands:
        yield _("返券所凭品牌代码：%(codes)s") % {"codes": joined(trigger.use.brands)}


def _goods(rules: Sequence[ItemRule]) -> str:
    return joined(
        _("%(name)s（%(codes)s）") % {"name": rule.name, "codes": joined(_item_codes(rule))}
        for rule in rules
    )


def _item_codes(rule: ItemRule) -> Iterator[str]:
    if rule.sku:
        yield _("编码%(code)s") % {"code": rule.sku}
    if rule.category:
        yield _("类别%(code)s") % {"code": rule.category}


def _scope_names(batches: list[BatchSpec]) -> ScopeNames:
    return scope_names(batch.rules for batch in batches)
