"""The same rules as a cashier needs them: what to check, how to pay, what a refund does.

Sentences that citizens read too are theirs (words.py, use_words.py); only what a till does is
said here. Pure functions.
"""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from core.clock import CUTOFF
from core.passages import english, joined
from vouchers.rules.benefit_model import (
    ExchangeBenefit,
    NoThresholdBenefit,
    PercentageBenefit,
    ThresholdBasis,
)
from vouchers.rules.flows import FLOWS
from vouchers.rules.model import BatchRules, FlowName
from vouchers.rules.names import ScopeNames
from vouchers.rules.refund_limits import MAX_AGE, MAX_REFUNDS
from vouchers.rules.refund_words import refund_words
from vouchers.rules.use_words import how_words, where_words
from vouchers.rules.words import benefit_words, validity_words

AT_TILL: tuple[FlowName, ...] = ("MERCHANT_SCANS", "CUSTOMER_SCANS")


def till_words(
    rules: BatchRules,
    *,
    face_fen: int,
    names: ScopeNames,
) -> list[str]:
    """Return what a cashier checks and does, in the order of the till: before, at, after paying."""
    return [
        benefit_words(rules, face_fen=face_fen),
        *_counted(rules),
        *where_words(rules, names),
        *how_words(rules),
        *_flow(rules),
        validity_words(rules.validity),
        _("收银台占用后%(till)s秒内完成支付，线上%(online)s秒内完成，逾时自动释放，券退回顾客")
        % {"till": rules.hold_seconds_till, "online": rules.hold_seconds_online},
        refund_words(rules),
    ]


def cancelling_words() -> list[str]:
    """Return until when a till can undo a payment, and what comes after: the same for every batch.

    The end of the day is the acquirer's cut-off, which every answer to the till names.
    """
    return [
        _(
            "撤销只能整单办理，须在收单机构当个账务日日切之前"
            "（以收银机显示的可撤销时间为准，平台默认%(cutoff)s）；撤销后顾客实付原路退回，"
            "仍在有效期内的券退回顾客"
        )
        % {"cutoff": f"{CUTOFF:%H:%M}"},
        _("已过撤销时间、已开始退款或已纳入结算的，改为办理退款"),
        _("每笔最多退款%(count)s次，自支付起%(days)s天内办理")
        % {"count": MAX_REFUNDS, "days": MAX_AGE.days},
        _("支付结果不明时先查询该笔核销，不要重新收款"),
    ]


def _counted(rules: BatchRules) -> Iterator[str]:
    """Yield what to enter, and what the platform makes of it."""
    benefit = rules.benefit
    if isinstance(benefit, ExchangeBenefit):
        yield _(
            "录入优惠前的订单金额和全部优惠，并逐项录入商品编码、件数和金额；应付为零的订单也要确认"
        )
    elif not isinstance(benefit, NoThresholdBenefit):
        yield _entered_words(benefit.basis)
    if benefit.threshold_fen:
        yield _("金额刚好达到门槛即可用券，差一分也不能用")
    if isinstance(benefit, PercentageBenefit):
        yield _("减免金额由平台四舍五入到分计算，收银员不自行计算")
    if rules.use.items:
        yield _("逐项录入商品编码、件数和金额，平台只按适用商品计算")
    elif rules.use.excluded_goods or rules.use.excluded_items:
        yield _("单列不计入用券的商品金额，平台先扣除再判断")


def _entered_words(basis: ThresholdBasis) -> str:
    return {
        "ORDER": _("录入优惠前的订单金额"),
        "AFTER_MERCHANT_DISCOUNTS": _("录入优惠前的订单金额和全部优惠，其中银行优惠单列"),
        "AFTER_DISCOUNTS": _("录入优惠前的订单金额和全部优惠，含银行优惠"),
    }[basis]


def _flow(rules: BatchRules) -> Iterator[str]:
    """Yield which way of paying to use where the rules leave every choice, or none at a till."""
    flows = rules.use.flows
    if not flows:
        names = joined(FLOWS[flow].words(english=english()) for flow in FLOWS)
        yield _("使用方式不限：%(names)s") % {"names": names}
    elif not set(AT_TILL) & set(flows):
        yield _("仅限线上支付，收银台不受理")
