"""What is wrong with the triggers of return vouchers (消费返券) in a section ``batches``."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from campaigns.definition.registry import Problem
from vouchers.definition.model import BatchSpec
from vouchers.definition.scope import use_problems
from vouchers.rules.benefit_model import PackBenefit
from vouchers.rules.model import TriggerRule, purchase_rules

RETURN = "RETURN"
GIVEN = frozenset({RETURN, "PAYMENT"})
"""Vouchers that come one by one with a purchase."""


def triggers_problems(spec: CampaignSpec, batches: Sequence[BatchSpec]) -> Iterator[Problem]:
    """Find triggers without return vouchers, the other way round, and such as never happen."""
    issued = {batch.code: batch.rules.issuing for batch in batches}
    for index, batch in enumerate(batches):
        path, trigger = f"batches[{index}].rules", batch.rules.trigger
        if (batch.rules.issuing == RETURN) != (trigger is not None):
            yield Problem(f"{path}.trigger", _("返券条件（trigger）须且只须由消费返券填写"))
        if batch.rules.issuing in GIVEN and isinstance(batch.rules.benefit, PackBenefit):
            yield Problem(f"{path}.issuing", _("券包只能由人领取"))
        if batch.rules.issuing == "PAYMENT" and batch.rules.validity.starts == "NEXT_DAY":
            yield Problem(f"{path}.validity.starts", _("付款时抵扣的券须当时生效"))
        purchase = purchase_rules(batch.rules)
        if trigger is None or purchase is None:
            continue
        if batch.rules.location.at_claim:
            yield Problem(f"{path}.location.at_claim", _("消费返券发放时无法校验位置"))
        if trigger.use.items or trigger.use.excluded_items or trigger.use.excluded_goods:
            yield Problem(f"{path}.trigger.use", _("返券条件不按商品区分"))
        if trigger.from_fen < batch.face_fen:
            yield Problem(f"{path}.trigger.from_fen", _("返券起点不得低于面额"))
        yield from _trigger(trigger, issued, f"{path}.trigger")
        at_purchase = msgspec.structs.replace(batch, rules=purchase)
        yield from use_problems(spec, at_purchase, f"{path}.trigger.use")


def triggers_normalise(trigger: TriggerRule | None, names: Mapping[str, str]) -> TriggerRule | None:
    """Return a trigger with the names of its batches."""
    if trigger is None:
        return None
    batches = (
        msgspec.structs.replace(one, name=names.get(one.batch, one.name)) for one in trigger.batches
    )
    return msgspec.structs.replace(trigger, batches=tuple(batches))


def _trigger(trigger: TriggerRule, issued: Mapping[str, str], path: str) -> Iterator[Problem]:
    if trigger.below_fen is not None and trigger.below_fen <= trigger.from_fen:
        yield Problem(f"{path}.below_fen", _("应高于起点金额（from_fen）"))
    if trigger.source == "REDEMPTION" and set(issued.values()) == {RETURN}:
        yield Problem(f"{path}.source", _("本活动没有消费返券以外的批次"))
    if trigger.source == "TRANSACTION" and trigger.batches:
        yield Problem(f"{path}.batches", _("按交易返券不填写批次"))
    codes = [one.batch for one in trigger.batches]
    for position, code in enumerate(codes):
        if issued.get(code, RETURN) == RETURN:
            yield Problem(f"{path}.batches[{position}]", _("应为本活动中消费返券以外的批次"))
        elif code in codes[:position]:
            yield Problem(f"{path}.batches[{position}]", _("重复：%(code)s") % {"code": code})
