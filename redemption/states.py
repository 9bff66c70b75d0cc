"""States of redemptions (architecture.md, States)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.states import state_table


class RedemptionState(models.TextChoices):
    HELD = "HELD", _("占用中")
    CONFIRMED = "CONFIRMED", _("已核销")
    RELEASED = "RELEASED", _("已释放")
    TIMED_OUT = "TIMED_OUT", _("已超时")
    CANCELLED = "CANCELLED", _("已撤销")


REDEMPTION_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("HELD", "CONFIRMED"),
    ("HELD", "RELEASED"),
    ("HELD", "TIMED_OUT"),
    ("TIMED_OUT", "CONFIRMED"),
    ("CONFIRMED", "CANCELLED"),
)


class StepKind(models.TextChoices):
    HOLD = "HOLD", _("占用")
    CONFIRM = "CONFIRM", _("核销")
    RELEASE = "RELEASE", _("释放")
    TIME_OUT = "TIME_OUT", _("超时")
    CANCEL = "CANCEL", _("撤销")
    REFUND = "REFUND", _("退款")


class Flow(models.TextChoices):
    MERCHANT_SCANS = "MERCHANT_SCANS", _("商家扫顾客（付款码）")
    CUSTOMER_SCANS = "CUSTOMER_SCANS", _("顾客扫商家（收款码）")
    ONLINE = "ONLINE", _("线上")


class VoucherFate(models.TextChoices):
    """What a cancel or refund did to the voucher."""

    RETURNED = "RETURNED", _("退回券包")
    KEPT_USED = "KEPT_USED", _("仍为已用")
    EXPIRED = "EXPIRED", _("已过期")
    VOIDED = "VOIDED", _("已作废")


REDEMPTION_STATES = state_table("redemption.Redemption", REDEMPTION_TRANSITIONS)
