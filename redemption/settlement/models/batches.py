"""Settlement batches, their lines per payee, and which fact is in which line.

Amounts are signed fen of the cash funders' parts; the merchant's own concession is never settled
(domain-rules §10). Per payee and funder the lines of a batch add up to what is paid out:
``POSITIVE + NEGATIVE + CARRY_IN + CARRY_OUT = payout ≥ 0``.
"""

from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from core.ids import new_id
from core.models import Approval
from core.state_machine import StateMachine
from merchants.models import Acquirer, Payee
from redemption.models.redemptions import RedemptionStep
from redemption.settlement.states import BATCH_TRANSITIONS, BatchState


def _open_batch_trigger(name: str, operation: Any, batch_sql: str) -> pgtrigger.Trigger:
    """Refuse a change unless the batch found by ``batch_sql`` may still be put together."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=operation,
        declare=[("batch_state", "text")],
        func=f"""
            SELECT b.state INTO batch_state FROM redemption_settlementbatch b WHERE {batch_sql};
            IF batch_state IS DISTINCT FROM 'DRAFT' AND batch_state IS DISTINCT FROM 'CHECKED' THEN
                RAISE EXCEPTION 'settlement batch is %, its lines are frozen', batch_state
                    USING ERRCODE = 'check_violation';
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        """,  # noqa: S608 - constants of this module
    )


class SettlementBatch(models.Model):
    """What one acquirer's payees get of one campaign for one business date (结算批次)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(_("批次号"), max_length=100, unique=True)
    campaign = models.ForeignKey(Campaign, models.PROTECT, verbose_name=_("活动"))
    acquirer = models.ForeignKey(Acquirer, models.PROTECT, verbose_name=_("收单机构"))
    business_date = models.DateField(_("账务日期"))
    due_on = models.DateField(_("应付日期"))
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    state = models.CharField(
        _("状态"), max_length=14, choices=BatchState.choices, default=BatchState.DRAFT
    )
    positive_fen = models.BigIntegerField(_("应结金额（分）"), default=0)
    negative_fen = models.BigIntegerField(_("退款扣回（分）"), default=0)
    carry_in_fen = models.BigIntegerField(_("上期结转（分）"), default=0)
    carry_out_fen = models.BigIntegerField(_("结转下期（分）"), default=0)
    payout_fen = models.BigIntegerField(_("实付金额（分）"), default=0)
    payee_count = models.PositiveIntegerField(_("收款方数"), default=0)
    fact_count = models.PositiveIntegerField(_("明细笔数"), default=0)
    created_at = models.DateTimeField(_("生成时间"))
    built_at = models.DateTimeField(_("汇总完成时间"), null=True, blank=True)
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("核对人"),
    )
    checked_at = models.DateTimeField(_("核对时间"), null=True, blank=True)
    approval = models.OneToOneField(
        Approval, models.PROTECT, null=True, blank=True, verbose_name=_("审批")
    )
    approved_at = models.DateTimeField(_("批准时间"), null=True, blank=True)
    sent_at = models.DateTimeField(_("发送时间"), null=True, blank=True)
    paid_at = models.DateTimeField(_("付清时间"), null=True, blank=True)
    rejected_at = models.DateTimeField(_("驳回时间"), null=True, blank=True)
    reject_reason = models.TextField(_("驳回理由"), blank=True)

    class Meta:
        verbose_name = _("结算批次")
        verbose_name_plural = _("结算批次")
        ordering = ("-business_date", "code")
        constraints = (
            models.UniqueConstraint(
                fields=("campaign", "business_date", "acquirer"),
                condition=~Q(state="REJECTED"),
                name="settlement_batch_once",
            ),
            models.CheckConstraint(
                condition=Q(
                    payout_fen=F("positive_fen")
                    + F("negative_fen")
                    + F("carry_in_fen")
                    + F("carry_out_fen")
                )
                & Q(positive_fen__gte=0)
                & Q(negative_fen__lte=0)
                & Q(carry_in_fen__lte=0)
                & Q(carry_out_fen__gte=0)
                & Q(payout_fen__gte=0),
                name="settlement_batch_totals",
            ),
            models.CheckConstraint(
                condition=Q(due_on__gte=F("business_date")), name="settlement_batch_due"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("DRAFT", "CHECKED", "REJECTED"), approval__isnull=True)
                | Q(
                    state__in=("APPROVED", "SENT", "PAID", "PARTIALLY_PAID"),
                    approval__isnull=False,
                ),
                name="settlement_batch_approved",
            ),
        )
        indexes = (models.Index(fields=("acquirer", "business_date"), name="settle_batch_day"),)
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(BATCH_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen", fields=["campaign", "acquirer", "business_date", "code"]
            ),
            pgtrigger.Protect(
                name="frozen_totals",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state__in=("DRAFT", "CHECKED"))
                & (
                    pgtrigger.Q(old__payout_fen__df=pgtrigger.F("new__payout_fen"))
                    | pgtrigger.Q(old__positive_fen__df=pgtrigger.F("new__positive_fen"))
                    | pgtrigger.Q(old__negative_fen__df=pgtrigger.F("new__negative_fen"))
                ),
            ),
        )

    def __str__(self) -> str:
        return self.code


class SettlementLine(models.Model):
    """What a payee gets or gives back in a batch; ``funder_ids`` and ``parts`` side by side."""

    class Kind(models.TextChoices):
        POSITIVE = "POSITIVE", _("应结")
        NEGATIVE = "NEGATIVE", _("退款扣回")
        CARRY_IN = "CARRY_IN", _("上期结转")
        CARRY_OUT = "CARRY_OUT", _("结转下期")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        SettlementBatch, models.PROTECT, related_name="lines", verbose_name=_("结算批次")
    )
    payee = models.ForeignKey(Payee, models.PROTECT, verbose_name=_("收款方"))
    kind = models.CharField(_("类型"), max_length=9, choices=Kind.choices)
    funder_ids = ArrayField(models.UUIDField(), verbose_name=_("出资方"))
    parts = ArrayField(models.BigIntegerField(), verbose_name=_("各方金额（分）"))
    amount_fen = models.BigIntegerField(_("金额（分）"))
    fact_count = models.PositiveIntegerField(_("明细笔数"), default=0)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    store_region = models.CharField(_("商户地区"), max_length=6, db_index=True)

    class Meta:
        verbose_name = _("结算明细行")
        verbose_name_plural = _("结算明细行")
        ordering = ("batch", "payee", "kind")
        constraints = (
            models.UniqueConstraint(fields=("batch", "payee", "kind"), name="settlement_line_once"),
            models.CheckConstraint(
                condition=Q(kind__in=("POSITIVE", "CARRY_OUT"), amount_fen__gte=0)
                | Q(kind__in=("NEGATIVE", "CARRY_IN"), amount_fen__lte=0),
                name="settlement_line_sign",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            _open_batch_trigger(
                "open_batch", pgtrigger.Insert | pgtrigger.Update, "b.id = NEW.batch_id"
            ),
            pgtrigger.ReadOnly(name="frozen", fields=["batch", "payee", "kind"]),
        )

    def __str__(self) -> str:
        return f"{self.batch} · {self.payee} · {self.get_kind_display()}"


class SettlementItem(models.Model):
    """A fact (redemption step) put into a line: at most once, by its primary key.

    Deleted only when its batch, not yet approved, is rejected or the fact is frozen out of it;
    both are in the audit log.
    """

    fact = models.OneToOneField(
        RedemptionStep,
        models.PROTECT,
        primary_key=True,
        related_name="settlement_item",
        verbose_name=_("核销步骤"),
    )
    line = models.ForeignKey(
        SettlementLine, models.PROTECT, related_name="items", verbose_name=_("结算明细行")
    )
    amount_fen = models.BigIntegerField(_("金额（分）"))

    class Meta:
        verbose_name = _("结算明细")
        verbose_name_plural = _("结算明细")
        ordering = ("line", "pk")
        triggers = (
            pgtrigger.Protect(name="no_update", operation=pgtrigger.Update),
            _open_batch_trigger(
                "open_batch",
                pgtrigger.Delete,
                "b.id = (SELECT l.batch_id FROM redemption_settlementline l"
                " WHERE l.id = OLD.line_id)",
            ),
        )

    def __str__(self) -> str:
        return str(self.fact)
