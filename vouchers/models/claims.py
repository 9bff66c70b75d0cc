"""Claims and the vouchers they issue. Hot facts: no foreign-key constraints to locked parents."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from core.ids import new_id, to_public
from core.models import Client, Entry
from core.state_machine import StateMachine
from vouchers.models.batches import Batch, BatchVersion, QuotaSlice
from vouchers.models.persons import Enrolment, IdentityKey
from vouchers.states import VOUCHER_TRANSITIONS, VoucherState


class Claim(models.Model):
    """An accepted claim (领取): the fact, its idempotency key and request fingerprint."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = models.ForeignKey(
        Client, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("渠道")
    )
    idempotency_key = models.CharField(_("请求流水号"), max_length=64)
    fingerprint = models.CharField(_("请求摘要"), max_length=64)
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, db_constraint=False, verbose_name=_("渠道用户")
    )
    batch = models.ForeignKey(
        Batch, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("券批次")
    )
    slice = models.ForeignKey(
        QuotaSlice,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        verbose_name=_("渠道额度"),
    )
    units = models.PositiveSmallIntegerField(_("张数"))
    at = models.DateTimeField(_("领取时间"))
    business_date = models.DateField(_("账务日期"))
    entry = models.ForeignKey(
        Entry, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("记账凭证")
    )
    owner_region = models.CharField(_("归属地区"), max_length=6)
    device = models.ForeignKey(
        IdentityKey,
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("请求设备"),
    )

    class Meta:
        verbose_name = _("领取记录")
        verbose_name_plural = _("领取记录")
        ordering = ("-at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("client", "idempotency_key"), name="claim_key_once"),
            models.CheckConstraint(condition=Q(units__gte=1), name="claim_units"),
        )
        indexes = (
            models.Index(fields=("batch", "at"), name="claim_batch_at"),
            models.Index(
                fields=("device", "at"), condition=Q(device__isnull=False), name="claim_device_at"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return to_public("clm", self.pk)


class Voucher(models.Model):
    """A voucher (消费券): ``number`` counts from 1 within its batch and fixes its funder parts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    claim = models.ForeignKey(
        Claim,
        models.PROTECT,
        db_constraint=False,
        related_name="vouchers",
        verbose_name=_("领取记录"),
    )
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("活动")
    )
    batch = models.ForeignKey(
        Batch, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("券批次")
    )
    batch_version = models.ForeignKey(
        BatchVersion,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        verbose_name=_("规则版本"),
    )
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("渠道用户")
    )
    client = models.ForeignKey(
        Client, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("渠道")
    )
    number = models.BigIntegerField(_("序号"))
    code = models.CharField(_("券码"), max_length=20)
    face_fen = models.BigIntegerField(_("面额（分）"))
    parts = ArrayField(models.BigIntegerField(), verbose_name=_("各方出资（分）"))
    issued_at = models.DateTimeField(_("发放时间"))
    valid_from = models.DateTimeField(_("生效时间"))
    valid_until = models.DateTimeField(_("失效时间（不含）"))
    state = models.CharField(
        _("状态"), max_length=8, choices=VoucherState.choices, default=VoucherState.ACTIVE
    )
    owner_region = models.CharField(_("归属地区"), max_length=6)

    class Meta:
        verbose_name = _("消费券")
        verbose_name_plural = _("消费券")
        ordering = ("-issued_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("batch", "number"), name="voucher_number"),
            # Not `unique` on the field, which makes a second index for patterns nobody asks for.
            models.UniqueConstraint(fields=("code",), name="voucher_code"),
            models.CheckConstraint(condition=Q(number__gte=1), name="voucher_number_positive"),
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")), name="voucher_validity"
            ),
        )
        indexes = (
            models.Index(fields=("enrolment", "state"), name="voucher_wallet"),
            models.Index(
                fields=("valid_until",),
                condition=Q(state__in=("ACTIVE", "FROZEN")),
                name="voucher_sweep",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(VOUCHER_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=[
                    "claim",
                    "campaign",
                    "batch",
                    "batch_version",
                    "enrolment",
                    "client",
                    "number",
                    "code",
                    "face_fen",
                    "parts",
                    "valid_from",
                    "valid_until",
                ],
            ),
        )

    def __str__(self) -> str:
        return self.code
