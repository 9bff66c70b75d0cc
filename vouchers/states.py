"""States of quota releases, vouchers, grants, audience lists and control entries.

Source: architecture.md, States.
"""

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


class GrantState(models.TextChoices):
    CHECKING = "CHECKING", _("名单校验中")
    DRAFT = "DRAFT", _("待提交")
    REFUSED = "REFUSED", _("名单无效")
    SUBMITTED = "SUBMITTED", _("待复核")
    CANCELLED = "CANCELLED", _("已作废")
    GRANTING = "GRANTING", _("发放中")
    DONE = "DONE", _("已完成")


GRANT_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("CHECKING", "DRAFT"),
    ("CHECKING", "REFUSED"),
    ("DRAFT", "SUBMITTED"),
    ("DRAFT", "CANCELLED"),
    ("SUBMITTED", "DRAFT"),
    ("SUBMITTED", "GRANTING"),
    ("GRANTING", "DONE"),
)


class SnapshotState(models.TextChoices):
    CHECKING = "CHECKING", _("名单校验中")
    DRAFT = "DRAFT", _("待提交")
    REFUSED = "REFUSED", _("名单无效")
    SUBMITTED = "SUBMITTED", _("待复核")
    CANCELLED = "CANCELLED", _("已作废")
    APPROVED = "APPROVED", _("已批准")


SNAPSHOT_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("CHECKING", "DRAFT"),
    ("CHECKING", "REFUSED"),
    ("DRAFT", "SUBMITTED"),
    ("DRAFT", "CANCELLED"),
    ("SUBMITTED", "DRAFT"),
    ("SUBMITTED", "APPROVED"),
)


class ControlState(models.TextChoices):
    SUBMITTED = "SUBMITTED", _("待复核")
    IN_FORCE = "IN_FORCE", _("管控中")
    REJECTED = "REJECTED", _("未通过")
    LIFTED = "LIFTED", _("已解除")


CONTROL_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("SUBMITTED", "IN_FORCE"),
    ("SUBMITTED", "REJECTED"),
    ("IN_FORCE", "LIFTED"),
)

RELEASE_STATES = state_table("vouchers.QuotaRelease", RELEASE_TRANSITIONS)
VOUCHER_STATES = state_table("vouchers.Voucher", VOUCHER_TRANSITIONS)
GRANT_STATES = state_table("vouchers.Grant", GRANT_TRANSITIONS)
SNAPSHOT_STATES = state_table("vouchers.AudienceSnapshot", SNAPSHOT_TRANSITIONS)
CONTROL_STATES = state_table("vouchers.ControlEntry", CONTROL_TRANSITIONS)
