"""States of settlement and reconciliation (architecture.md, States)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.states import state_table


class BatchState(models.TextChoices):
    DRAFT = "DRAFT", _("草稿")
    CHECKED = "CHECKED", _("已核对")
    APPROVED = "APPROVED", _("已批准")
    SENT = "SENT", _("已发送")
    PAID = "PAID", _("已付款")
    PARTIALLY_PAID = "PARTIALLY_PAID", _("部分付款")
    REJECTED = "REJECTED", _("已驳回")


BATCH_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("DRAFT", "CHECKED"),
    ("CHECKED", "APPROVED"),
    ("APPROVED", "SENT"),
    ("SENT", "PAID"),
    ("SENT", "PARTIALLY_PAID"),
    ("PARTIALLY_PAID", "SENT"),
    ("DRAFT", "REJECTED"),
    ("CHECKED", "REJECTED"),
)


class PayoutState(models.TextChoices):
    PENDING = "PENDING", _("待发送")
    SENT = "SENT", _("已发送")
    PAID = "PAID", _("已付款")
    RETURNED = "RETURNED", _("已退汇")


PAYOUT_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("PENDING", "SENT"),
    ("SENT", "PAID"),
    ("SENT", "RETURNED"),
    ("RETURNED", "SENT"),
)


class FreezeState(models.TextChoices):
    ACTIVE = "ACTIVE", _("冻结中")
    RELEASED = "RELEASED", _("已解冻")
    RECOVERED = "RECOVERED", _("已追回")


FREEZE_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("ACTIVE", "RELEASED"),
    ("ACTIVE", "RECOVERED"),
)


class DiscrepancyState(models.TextChoices):
    OPEN = "OPEN", _("待处理")
    EXPLAINED = "EXPLAINED", _("已查明")
    SUSPENSE = "SUSPENSE", _("挂账")


DISCREPANCY_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("OPEN", "EXPLAINED"),
    ("OPEN", "SUSPENSE"),
    ("SUSPENSE", "EXPLAINED"),
)


class DayState(models.TextChoices):
    OPEN = "OPEN", _("对账中")
    CLOSED = "CLOSED", _("已平账")


DAY_TRANSITIONS: tuple[tuple[str, str], ...] = (("OPEN", "CLOSED"),)

BATCH_STATES = state_table("redemption.SettlementBatch", BATCH_TRANSITIONS)
PAYOUT_STATES = state_table("redemption.Payout", PAYOUT_TRANSITIONS)
FREEZE_STATES = state_table("redemption.FrozenFact", FREEZE_TRANSITIONS)
DISCREPANCY_STATES = state_table("redemption.Discrepancy", DISCREPANCY_TRANSITIONS)
DAY_STATES = state_table("redemption.ReconDay", DAY_TRANSITIONS)
