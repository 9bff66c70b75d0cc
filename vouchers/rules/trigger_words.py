"""What a return voucher (消费返券) is given for, in words. Pure functions."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from core.passages import joined
from vouchers.rules.model import BatchRules, TriggerRule, purchase_rules
from vouchers.rules.names import ScopeNames
from vouchers.rules.spelling import amount_words
from vouchers.rules.use_words import how_words, where_words


def trigger_words(rules: BatchRules, names: ScopeNames) -> Iterator[str]:
    """Yield the purchase, where and how it counts, and what its refund does."""
    trigger, purchase = rules.trigger, purchase_rules(rules)
    if trigger is None or purchase is None:
        return
    yield _purchase(trigger)
    *how, _one_per_payment = how_words(purchase)
    for line in (*where_words(purchase, names), *how):
        yield _("所购消费：%(rule)s") % {"rule": line}
    yield _("退款或撤销后剩余金额不足%(from)s元的，收回未使用的返券") % {
        "from": amount_words(trigger.from_fen)
    }


def _purchase(trigger: TriggerRule) -> str:
    names = {
        "from": amount_words(trigger.from_fen),
        "below": amount_words(trigger.below_fen or 0),
        "batches": joined(f"“{one.name or one.batch}”" for one in trigger.batches),
    }
    amount = _("满%(from)s元") % names
    if trigger.below_fen is not None:
        amount = _("满%(from)s元、不满%(below)s元") % names
    names["amount"] = amount
    if trigger.source == "TRANSACTION":
        return _("单笔消费%(amount)s（订单金额），返本券1张") % names
    if trigger.batches:
        return _("用%(batches)s支付的订单%(amount)s，返本券1张") % names
    return _("用本活动消费券支付的订单%(amount)s，返本券1张") % names
