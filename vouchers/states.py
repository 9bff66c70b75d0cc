"""States of quota releases and vouchers (architecture.md, States)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.states import state_table


class ReleaseState(models.TextChoices):
    PLANNED = "PLANNED", _("待投放")
    OPEN = "OPEN", _("投放中")
    CLOSED = "CLOSED", _("已结束")
    CANCELLED = "CANCELLED", _("已取消")


RELEASE_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("PLANNED", "OPEN"),
    ("PLANNED", "CANCELLED"),
    ("OPEN", "CLOSED"),
)


class VoucherState(models.TextChoices):
    ACTIVE = "ACTIVE", _("可使用")
    HELD = "HELD", _("占用中")
    REDEEMED = "REDEEMED", _("已核销")
    EXPIRED = "EXPIRED", _("已过期")
    VOIDED = "VOIDED", _("已作废")
    FROZEN = "FROZEN", _("已冻结")


VOUCHER_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("ACTIVE", "HELD"),
    ("HELD", "REDEEMED"),
    ("HELD", "ACTIVE"),
    ("ACTIVE", "EXPIRED"),
    ("ACTIVE", "VOIDED"),
    ("ACTIVE", "FROZEN"),
    ("FROZEN", "ACTIVE"),
    ("FROZEN", "VOIDED"),
    ("FROZEN", "EXPIRED"),
    ("REDEEMED", "ACTIVE"),
    ("REDEEMED", "VOIDED"),
    ("REDEEMED", "EXPIRED"),
)

RELEASE_STATES = state_table("vouchers.QuotaRelease", RELEASE_TRANSITIONS)
VOUCHER_STATES = state_table("vouchers.Voucher", VOUCHER_TRANSITIONS)
