"""What a refund does, in words (domain-rules §6). Pure functions."""

from django.utils.translation import gettext as _

from vouchers.rules.benefit_model import ExchangeBenefit
from vouchers.rules.model import BatchRules


def refund_words(rules: BatchRules) -> str:
    """Return what a refund does, as every quote shows it (domain-rules §6)."""
    texts = {
        "PRO_RATA_KEEP_USED": _(
            "有效期内全额退款的，消费券退回原账户且有效期不变；有效期外全额退款的，"
            "消费券金额退回资金池；部分退款按比例退还，消费券视为已使用"
        ),
        "ALWAYS_CONSUMED": _("退款按比例退还，消费券视为已使用"),
        "OWN_MONEY_FIRST": _(
            "有效期内全额退款的，消费券退回原账户且有效期不变；有效期外全额退款的，"
            "消费券金额退回资金池；部分退款先退还消费者自付部分，再退还消费券部分，消费券视为已使用"
        ),
        "CASH_ONLY": _("退款只按比例退还消费者自付部分，消费券金额不退，消费券视为已使用"),
        "QUOTA_CONSUMED": _(
            "退款按比例退还；全额退款的，消费券作废、金额退回资金池，已享次数不恢复"
        ),
    }
    text = texts[rules.refund_policy]
    if isinstance(rules.benefit, ExchangeBenefit):
        return _("%(refund)s；使用本券的订单只能整单退款") % {"refund": text}
    return text
