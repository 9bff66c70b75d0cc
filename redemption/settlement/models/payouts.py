"""Payouts (结算划付): what is sent to the bank for one payee of an approved batch."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.state_machine import StateMachine
from merchants.models import Payee
from redemption.settlement.models.batches import SettlementBatch
from redemption.settlement.states import PAYOUT_TRANSITIONS, PayoutState


class Payout(models.Model):
    """One payment instruction; Σ items of its lines, netted, = the bank line."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(_("划付流水号"), max_length=32, unique=True)
    batch = models.ForeignKey(
        SettlementBatch, models.PROTECT, related_name="payouts", verbose_name=_("结算批次")
    )
    payee = models.ForeignKey(Payee, models.PROTECT, verbose_name=_("收款方"))
    pay_to = models.ForeignKey(
        Payee,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("实际收款账户"),
    )
    funder_ids = ArrayField(models.UUIDField(), verbose_name=_("出资方"))
    parts = ArrayField(models.BigIntegerField(), verbose_name=_("各方金额（分）"))
    amount_fen = models.BigIntegerField(_("划付金额（分）"))
    state = models.CharField(
        _("状态"), max_length=8, choices=PayoutState.choices, default=PayoutState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("发送次数"), default=0)
    bank_ref = models.CharField(_("银行流水号"), max_length=64, blank=True)
    paid_on = models.DateField(_("付款日期"), null=True, blank=True)
    failure = models.CharField(_("退汇原因"), max_length=200, blank=True)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    store_region = models.CharField(_("商户地区"), max_length=6, db_index=True)
    created_at = models.DateTimeField(_("生成时间"))
    sent_at = models.DateTimeField(_("发送时间"), null=True, blank=True)
    settled_at = models.DateTimeField(_("结果时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("结算划付")
        verbose_name_plural = _("结算划付")
        ordering = ("-created_at", "reference")
        constraints = (
            models.UniqueConstraint(fields=("batch", "payee"), name="payout_once"),
            models.UniqueConstraint(
                fields=("bank_ref",), condition=Q(state="PAID"), name="payout_bank_ref_once"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payout_positive"),
            models.CheckConstraint(
                condition=~Q(state="PAID") | (Q(paid_on__isnull=False) & ~Q(bank_ref="")),
                name="payout_paid_by_bank",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(PAYOUT_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=["reference", "batch", "payee", "funder_ids", "parts", "amount_fen"],
            ),
        )

    def __str__(self) -> str:
        return self.reference
