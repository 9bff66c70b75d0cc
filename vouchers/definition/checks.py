"""What a batch must hold in itself and beside its neighbours (domain-rules §2–§5)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from campaigns.definition.registry import Problem
from vouchers.definition.audiences import audiences_not_ready, audiences_problems
from vouchers.definition.caps import caps_problems
from vouchers.definition.channels import channels_problems
from vouchers.definition.model import BatchSpec
from vouchers.definition.normal import calendar_slots
from vouchers.definition.packs import pack_parts, packs_problems
from vouchers.definition.recurrence import recurrence_problems
from vouchers.definition.scope import location_problems, scope_unknown, use_problems
from vouchers.definition.triggers import triggers_problems
from vouchers.rules.benefit_model import (
    Benefit,
    PackBenefit,
    PercentageBenefit,
    RandomBenefit,
    ThresholdBenefit,
    TiersBenefit,
)
from vouchers.rules.benefits import least_base
from vouchers.rules.limit_words import issuing_words
from vouchers.rules.model import BatchRules, LimitRule, Validity, rolls_over

_COUNTED = frozenset({"HOURS", "NATURAL_DAYS", "NATURAL_DAYS_FROM_NEXT", "ROUND_END"})
_ENDS_WITH_CLAIM_PERIOD = frozenset({"CLAIM_DAY", "MONTH_END", "ROUND_END"})
ISSUED = frozenset({"CLAIM", "PACK", "RETURN", "PAYMENT"})
"""Ways of issuing that the platform carries out."""
MAX_HOLD_S = 3600


def batches_problems(spec: CampaignSpec, batches: list[BatchSpec]) -> list[Problem]:
    """Return everything that is wrong in the section, in the order of the batches."""
    problems = list(_codes(batches))
    for index, batch in enumerate(batches):
        path = f"batches[{index}]"
        problems += _funders(spec, batch, path)
        problems += _rules(spec, batch, f"{path}.rules")
        problems += _releases(spec, batch, path)
    problems += _shared_limits(batches)
    problems += caps_problems(batches)
    problems += _conflicts(batches)
    problems += _group_limits(batches)
    problems += packs_problems(batches)
    problems += triggers_problems(spec, batches)
    problems += channels_problems(spec, batches)
    problems += audiences_problems(spec, batches)
    return problems


def batches_not_ready(spec: CampaignSpec, batches: list[BatchSpec]) -> list[Problem]:
    """Return what keeps a campaign from going live: issuing, lists of people, stores, brands."""
    issued = [
        Problem(
            f"batches[{index}].rules.issuing",
            _("%(batch)s：本平台尚未开通“%(issuing)s”发放")
            % {"batch": batch.name, "issuing": issuing_words(batch.rules.issuing)},
        )
        for index, batch in enumerate(batches)
        if batch.rules.issuing not in ISSUED
    ]
    return [*issued, *audiences_not_ready(spec, batches), *scope_unknown(spec, batches)]


def _codes(batches: list[BatchSpec]) -> Iterator[Problem]:
    for code, count in Counter(batch.code for batch in batches).items():
        if count > 1:
            yield Problem("batches", _("批次代码重复：%(code)s") % {"code": code})


def _funders(spec: CampaignSpec, batch: BatchSpec, path: str) -> Iterator[Problem]:
    total = sum(batch.funders.values())
    if not batch.funders and not pack_parts(batch):
        yield Problem(f"{path}.funders", _("至少应有一个出资方"))
    for code, weight in batch.funders.items():
        if spec.funder(code) is None:
            yield Problem(f"{path}.funders.{code}", _("活动中没有这个出资方"))
        elif batch.face_fen * weight < total:
            yield Problem(f"{path}.funders.{code}", _("每张券的出资份额不足 1 分"))


def _rules(spec: CampaignSpec, batch: BatchSpec, path: str) -> Iterator[Problem]:
    rules = batch.rules
    yield from _benefit(rules.benefit, batch.face_fen, f"{path}.benefit")
    if isinstance(rules.benefit, RandomBenefit) and rules.issuing != "PAYMENT":
        yield Problem(f"{path}.issuing", _("随机立减只能在付款时发放（PAYMENT）"))
    yield from _validity(spec, rules.validity, f"{path}.validity")
    yield from _limits(rules, f"{path}.limits")
    yield from use_problems(spec, batch, f"{path}.use")
    yield from location_problems(rules.location, f"{path}.location")
    for name in ("hold_seconds_till", "hold_seconds_online"):
        if not 1 <= getattr(rules, name) <= MAX_HOLD_S:
            yield Problem(f"{path}.{name}", _("应在 1 至 %(limit)s 秒之间") % {"limit": MAX_HOLD_S})


def _benefit(benefit: Benefit, face_fen: int, path: str) -> Iterator[Problem]:
    if isinstance(benefit, PercentageBenefit):
        if benefit.ceiling_fen is not None and benefit.ceiling_fen < least_base(benefit):
            yield Problem(f"{path}.ceiling_fen", _("价格上限不得低于使用门槛"))
        return
    if isinstance(benefit, RandomBenefit):
        if benefit.min_fen >= face_fen:
            yield Problem(f"{path}.min_fen", _("最低金额应低于面额"))
        if benefit.threshold_fen <= face_fen:
            yield Problem(f"{path}.threshold_fen", _("使用门槛应高于面额"))
        return
    if isinstance(benefit, TiersBenefit):
        yield from _tiers(benefit, face_fen, f"{path}.tiers")
        return
    if not isinstance(benefit, ThresholdBenefit):
        return
    if benefit.face_multiple is None:
        if benefit.threshold_fen < face_fen:
            yield Problem(f"{path}.threshold_fen", _("使用门槛不得低于面额"))
    elif benefit.face_multiple < 1:
        yield Problem(f"{path}.face_multiple", _("应为正整数"))
    elif benefit.threshold_fen not in (0, benefit.face_multiple * face_fen):
        yield Problem(f"{path}.threshold_fen", _("与面额的倍数（face_multiple）不一致"))


def _tiers(benefit: TiersBenefit, face_fen: int, path: str) -> Iterator[Problem]:
    for index, (lower, tier) in enumerate(pairwise(benefit.tiers), 1):
        if tier.from_fen <= lower.from_fen or tier.subsidy_fen <= lower.subsidy_fen:
            yield Problem(f"{path}[{index}]", _("各档起点与补贴应逐档升高"))
    for index, tier in enumerate(benefit.tiers):
        if tier.subsidy_fen >= tier.from_fen:
            yield Problem(f"{path}[{index}].subsidy_fen", _("补贴应低于本档起点"))
    if benefit.tiers[-1].subsidy_fen != face_fen:
        yield Problem(f"{path}[{len(benefit.tiers) - 1}].subsidy_fen", _("最高档补贴应等于面额"))


def _validity(spec: CampaignSpec, rule: Validity, path: str) -> Iterator[Problem]:
    if rule.mode in _COUNTED and rule.value < 1:
        yield Problem(f"{path}.value", _("应为正整数"))
    if rule.mode not in _COUNTED and rule.value:
        yield Problem(f"{path}.value", _("该有效期方式不使用此字段"))
    one_day = rule.mode == "NATURAL_DAYS" and rule.value == 1
    if rule.starts == "NEXT_DAY" and (one_day or rule.mode in _ENDS_WITH_CLAIM_PERIOD):
        # On the last day of the period, or of the claim day alone, there would be nothing left.
        yield Problem(f"{path}.starts", _("该有效期方式不能次日生效"))
    window = (rule.fixed_from, rule.fixed_until)
    if rule.mode == "ROUND_END":
        yield from _rounds(spec, rule, path)
    elif rule.mode != "FIXED_WINDOW":
        if window != (None, None):
            yield Problem(path, _("仅固定有效期填写起止时间"))
    elif rule.fixed_from is None or rule.fixed_until is None:
        yield Problem(path, _("固定有效期须填写起止时间"))
    elif not spec.starts_at <= rule.fixed_from < rule.fixed_until <= spec.ends_at:
        yield Problem(path, _("固定有效期应在活动期间之内"))


def _rounds(spec: CampaignSpec, rule: Validity, path: str) -> Iterator[Problem]:
    if rule.fixed_from is None or rule.fixed_until is not None:
        yield Problem(path, _("按使用周期的有效期只填写首个周期的开始时间（fixed_from）"))
    elif not spec.starts_at <= rule.fixed_from < spec.ends_at:
        yield Problem(f"{path}.fixed_from", _("首个周期应在活动期间之内开始"))


def _limits(rules: BatchRules, path: str) -> Iterator[Problem]:
    if rules.issuing != "PACK" and not any(limit.side == "CLAIM" for limit in rules.limits):
        yield Problem(path, _("至少应有一条限领规则"))
    for code, count in Counter(limit.code for limit in rules.limits).items():
        if count > 1:
            yield Problem(path, _("规则代码重复：%(code)s") % {"code": code})
    for index, limit in enumerate(rules.limits):
        where = f"{path}[{index}]"
        if not limit.code or set(":@") & set(limit.code) or len(limit.code) > 39:
            yield Problem(f"{where}.code", _("应为 1–39 个字符，且不含冒号与@"))
        if limit.count < 1:
            yield Problem(f"{where}.count", _("应为正整数"))
        if limit.scope == "GROUP" and not rules.group:
            yield Problem(f"{where}.scope", _("本批次未归入任何组（group）"))
        if limit.window == "WAVE" and (limit.side, limit.scope) != ("CLAIM", "BATCH"):
            yield Problem(f"{where}.window", _("每轮限制只用于本批次的领取（CLAIM、BATCH）"))
        if limit.gives_back and not _can_give_back(rules, limit):
            yield Problem(
                f"{where}.gives_back", _("只用于领取，且不用于每轮限制与券包（过期未用退回次数）")
            )
        if "DOCUMENT" not in limit.keys:
            yield Problem(f"{where}.keys", _("必须包含证件（DOCUMENT）"))
        if len(set(limit.keys)) < len(limit.keys):
            yield Problem(f"{where}.keys", _("不得重复"))


def _can_give_back(rules: BatchRules, limit: LimitRule) -> bool:
    """A wave is over before its vouchers are; of a pack some vouchers may be used."""
    pack = isinstance(rules.benefit, PackBenefit)
    return limit.side == "CLAIM" and limit.window != "WAVE" and not pack


def _shared_limits(batches: list[BatchSpec]) -> Iterator[Problem]:
    """A limit over campaign or group counts together, so every batch must mean the same by it."""
    first: dict[tuple[str, str], LimitRule] = {}
    for index, batch in enumerate(batches):
        for position, limit in enumerate(batch.rules.limits):
            if limit.scope == "BATCH":
                continue
            over = batch.rules.group if limit.scope == "GROUP" else ""
            if first.setdefault((over, limit.code), limit) != limit:
                yield Problem(
                    f"batches[{index}].rules.limits[{position}]",
                    _("与其他批次的同名限制不一致：%(code)s") % {"code": limit.code},
                )


def _conflicts(batches: list[BatchSpec]) -> Iterator[Problem]:
    """Groups exclude each other both ways, and every batch of a group excludes the same ones."""
    of_group: dict[str, list[frozenset[str]]] = defaultdict(list)
    kinds: dict[str, set[frozenset[str]]] = defaultdict(set)
    for batch in batches:
        of_group[batch.rules.group].append(frozenset(batch.rules.conflicts))
        claims = [limit for limit in batch.rules.limits if limit.side == "CLAIM"]
        kinds[batch.rules.group].add(frozenset(kind for one in claims for kind in one.keys))
    for index, batch in enumerate(batches):
        group, mine = batch.rules.group, frozenset(batch.rules.conflicts)
        path = f"batches[{index}].rules.conflicts"
        if len(mine) < len(batch.rules.conflicts):
            yield Problem(path, _("不得重复"))
        if mine and not group:
            yield Problem(path, _("本批次未归入任何组（group）"))
            continue
        if group and mine != of_group[group][0]:
            yield Problem(path, _("与同组其他批次不一致"))
        for other in sorted(mine):
            if other == group or other not in of_group:
                yield Problem(path, _("没有这个组：%(group)s") % {"group": other})
            elif not all(group in theirs for theirs in of_group[other]):
                yield Problem(path, _("互斥须双方都写明：%(group)s") % {"group": other})
            elif kinds[other] != kinds[group] or len(kinds[group]) > 1:
                # Otherwise a shared phone would count on one side only.
                yield Problem(path, _("互斥各批次的限领须按相同的标识计算"))


def _group_limits(batches: list[BatchSpec]) -> Iterator[Problem]:
    """A limit of a group is written in every batch of it, or it would not count them all."""
    named: dict[str, dict[str, LimitRule]] = defaultdict(dict)
    for batch in batches:
        for limit in batch.rules.limits:
            if limit.scope == "GROUP":
                named[batch.rules.group][limit.code] = limit
    for index, batch in enumerate(batches):
        mine = {limit.code for limit in batch.rules.limits if limit.scope == "GROUP"}
        for code in sorted(named[batch.rules.group].keys() - mine if batch.rules.group else ()):
            yield Problem(
                f"batches[{index}].rules.limits", _("缺少本组的合计限制：%(code)s") % {"code": code}
            )


def _releases(spec: CampaignSpec, batch: BatchSpec, path: str) -> Iterator[Problem]:
    if batch.rules.issuing == "PACK":
        return
    if (batch.calendar is None) == (not batch.releases):
        yield Problem(f"{path}.releases", _("投放计划（releases 或 calendar）须且只须填写一种"))
        return
    if batch.calendar is not None:
        wrong = recurrence_problems(batch.calendar.rrule) if batch.calendar.rrule else ()
        for reason in wrong:
            yield Problem(f"{path}.calendar.rrule", reason)
        if not calendar_slots(spec, batch.calendar):
            yield Problem(f"{path}.calendar", _("活动期间内没有投放日"))
        yield from _leftover(batch, len(calendar_slots(spec, batch.calendar)), path)
        if batch.calendar.units > batch.units:
            yield Problem(f"{path}.calendar.units", _("投放张数合计超过计划张数"))
        return
    yield from _leftover(batch, len(batch.releases), path)
    for index, release in enumerate(batch.releases):
        where = f"{path}.releases[{index}]"
        if not spec.starts_at <= release.slot < spec.ends_at:
            yield Problem(f"{where}.slot", _("投放时点应在活动期间之内"))
        if release.closes_at is not None and not (release.slot < release.closes_at <= spec.ends_at):
            yield Problem(f"{where}.closes_at", _("领取截止应晚于投放时点且不晚于活动结束"))
    slots = Counter(release.slot for release in batch.releases)
    for slot, count in slots.items():
        if count > 1:
            yield Problem(f"{path}.releases", _("投放时点重复：%(slot)s") % {"slot": slot})
    if sum(release.units for release in batch.releases) > batch.units:
        yield Problem(f"{path}.releases", _("投放张数合计超过计划张数"))


def _leftover(batch: BatchSpec, waves: int, path: str) -> Iterator[Problem]:
    if rolls_over(batch.rules) and waves == 1:
        yield Problem(f"{path}.rules.leftover", _("只有一轮投放，没有下一轮可以并入"))
