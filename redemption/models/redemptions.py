"""One payment with vouchers: the redemption, its lines, and its append-only steps (the facts)."""

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, Whitelist
from core.ids import new_id, to_public
from core.models import Client, Entry
from core.state_machine import StateMachine
from merchants.models import Acquirer, Merchant, Payee, Store, Terminal
from redemption.states import (
    REDEMPTION_TRANSITIONS,
    Flow,
    RedemptionState,
    StepKind,
    VoucherFate,
)
from vouchers.models import Batch, Enrolment, Voucher


def _fact(model: type[models.Model], label: Any, **options: Any) -> models.ForeignKey[Any, Any]:
    """Point at a parent that can never be deleted, without a constraint (hot fact table)."""
    return models.ForeignKey(
        model, models.PROTECT, db_constraint=False, verbose_name=label, **options
    )


class Redemption(models.Model):
    """A redemption (核销) of one payment at one terminal; amounts are fixed at the hold.

    ``order_fen = subsidy_fen + other_discount_fen + payable_fen`` (T = V + D + C of
    domain-rules §6). The ``refunded_*`` columns are cumulative.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = _fact(Client, _("接入方"), db_index=False)
    campaign = _fact(Campaign, _("活动"), db_index=False)
    enrolment = _fact(Enrolment, _("渠道用户"))
    voucher_client = _fact(Client, _("发券渠道"), db_index=False, related_name="+")
    acquirer = _fact(Acquirer, _("收单机构"), db_index=False)
    merchant = _fact(Merchant, _("商户"), db_index=False)
    store = _fact(Store, _("门店"), db_index=False)
    terminal = _fact(Terminal, _("终端"), db_index=False)
    payee = _fact(Payee, _("收款方"), db_index=False)
    whitelist = _fact(Whitelist, _("名单版本"), db_index=False, null=True, blank=True)
    owner_region = models.CharField(_("归属地区"), max_length=6)
    store_region = models.CharField(_("门店地区"), max_length=6)
    order_no = models.CharField(_("商户订单号"), max_length=64)
    flow = models.CharField(_("支付方式"), max_length=14, choices=Flow.choices)
    card_bin = models.CharField(_("卡 BIN"), max_length=8, blank=True)
    order_fen = models.BigIntegerField(_("订单金额（分）"))
    other_discount_fen = models.BigIntegerField(_("其他优惠（分）"), default=0)
    bank_discount_fen = models.BigIntegerField(
        _("其中银行优惠（分）"), default=0, db_default=0, help_text=_("其余为商户优惠")
    )
    subsidy_fen = models.BigIntegerField(_("补贴金额（分）"))
    payable_fen = models.BigIntegerField(_("顾客应付（分）"))
    state = models.CharField(
        _("状态"), max_length=9, choices=RedemptionState.choices, default=RedemptionState.HELD
    )
    held_at = models.DateTimeField(_("占用时间"))
    hold_expires_at = models.DateTimeField(_("占用到期（不含）"))
    confirmed_at = models.DateTimeField(_("核销时间"), null=True, blank=True)
    business_date = models.DateField(_("核销账务日期"), null=True, blank=True)
    channel_trade_no = models.CharField(_("渠道交易号"), max_length=64, blank=True)
    refunded_order_fen = models.BigIntegerField(_("已退订单金额（分）"), default=0)
    refunded_payer_fen = models.BigIntegerField(_("已退顾客（分）"), default=0)
    refunded_subsidy_fen = models.BigIntegerField(_("已退补贴（分）"), default=0)
    refund_count = models.PositiveSmallIntegerField(_("退款次数"), default=0)
    last_step = models.PositiveSmallIntegerField(_("最近步骤序号"), default=1)
    limit_uses = models.JSONField(_("占用的限额"), default=list)

    class Meta:
        verbose_name = _("核销单")
        verbose_name_plural = _("核销单")
        ordering = ("-held_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(order_fen=F("subsidy_fen") + F("other_discount_fen") + F("payable_fen"))
                & Q(subsidy_fen__gt=0)
                & Q(bank_discount_fen__gte=0)
                & Q(other_discount_fen__gte=F("bank_discount_fen"))
                & Q(payable_fen__gte=0),
                name="redemption_amounts",
            ),
            models.CheckConstraint(
                condition=Q(refunded_order_fen__gte=0)
                & Q(refunded_order_fen__lte=F("order_fen"))
                & Q(refunded_payer_fen__gte=0)
                & Q(refunded_payer_fen__lte=F("payable_fen"))
                & Q(refunded_subsidy_fen__gte=0)
                & Q(refunded_subsidy_fen__lte=F("subsidy_fen"))
                & Q(refund_count__lte=50),
                name="redemption_refunds",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("CONFIRMED", "CANCELLED"), confirmed_at__isnull=False)
                | Q(state__in=("HELD", "RELEASED", "TIMED_OUT"), confirmed_at__isnull=True),
                name="redemption_confirmed_at",
            ),
            models.CheckConstraint(
                condition=Q(hold_expires_at__gt=F("held_at")), name="redemption_hold_life"
            ),
        )
        indexes = (
            models.Index(
                fields=("hold_expires_at",), condition=Q(state="HELD"), name="redemption_hold_due"
            ),
            # Not `db_index`, which makes a second index of each for patterns nobody asks for.
            models.Index(fields=("owner_region",), name="redemption_owner_region"),
            models.Index(fields=("store_region",), name="redemption_store_region"),
            models.Index(fields=("client", "order_no"), name="redemption_order_no"),
            models.Index(fields=("store", "confirmed_at"), name="redemption_store_time"),
            models.Index(
                fields=("payee",), condition=Q(confirmed_at__isnull=False), name="redemption_payee"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(REDEMPTION_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=[
                    "client",
                    "campaign",
                    "enrolment",
                    "voucher_client",
                    "acquirer",
                    "merchant",
                    "store",
                    "terminal",
                    "payee",
                    "whitelist",
                    "owner_region",
                    "store_region",
                    "order_no",
                    "flow",
                    "card_bin",
                    "order_fen",
                    "other_discount_fen",
                    "bank_discount_fen",
                    "subsidy_fen",
                    "payable_fen",
                    "held_at",
                    "hold_expires_at",
                    "limit_uses",
                ],
            ),
        )

    def __str__(self) -> str:
        return to_public("rdm", self.pk)


class RedemptionLine(models.Model):
    """One voucher of a redemption; at most one live line per voucher."""

    redemption = models.ForeignKey(
        Redemption,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="lines",
        verbose_name=_("核销单"),
    )
    voucher = _fact(Voucher, _("消费券"), related_name="redemption_lines")
    batch = _fact(Batch, _("券批次"), db_index=False)
    used_fen = models.BigIntegerField(_("抵用金额（分）"))
    parts = ArrayField(models.BigIntegerField(), verbose_name=_("各方出资（分）"))
    live = models.BooleanField(_("有效"), default=True)

    class Meta:
        verbose_name = _("核销明细")
        verbose_name_plural = _("核销明细")
        ordering = ("redemption", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("voucher",), condition=Q(live=True), name="redemption_line_one_live"
            ),
            models.UniqueConstraint(fields=("redemption", "voucher"), name="redemption_line_once"),
            models.CheckConstraint(condition=Q(used_fen__gt=0), name="redemption_line_used"),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="frozen", fields=["redemption", "voucher", "batch", "used_fen", "parts"]
            ),
        )

    def __str__(self) -> str:
        return f"{to_public('rdm', self.redemption_id)} · {self.voucher}"


class RedemptionStep(models.Model):
    """A fact of a redemption: points at its entry, goes into settlement, is the history.

    ``funder_ids`` and ``parts`` run side by side: the subsidy of this step by funder.
    ``order_fen``, ``payer_fen`` and ``subsidy_fen`` are the amounts of this step alone (a refund's
    slice).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    redemption = models.ForeignKey(
        Redemption,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="steps",
        verbose_name=_("核销单"),
    )
    seq = models.PositiveSmallIntegerField(_("序号"))
    kind = models.CharField(_("步骤"), max_length=8, choices=StepKind.choices)
    client = _fact(Client, _("接入方"), db_index=False, null=True, blank=True)
    idempotency_key = models.CharField(_("请求流水号"), max_length=64, null=True, blank=True)  # noqa: DJ001 - the sweep has no key, and only keys are unique
    fingerprint = models.CharField(_("请求摘要"), max_length=64, blank=True)
    order_fen = models.BigIntegerField(_("订单金额（分）"))
    payer_fen = models.BigIntegerField(_("顾客金额（分）"))
    subsidy_fen = models.BigIntegerField(_("补贴金额（分）"))
    funder_ids = ArrayField(models.UUIDField(), verbose_name=_("出资方"))
    parts = ArrayField(models.BigIntegerField(), verbose_name=_("各方出资（分）"))
    reference = models.CharField(_("外部单号"), max_length=64, blank=True)
    voucher_fate = models.CharField(
        _("券去向"), max_length=9, choices=VoucherFate.choices, blank=True
    )
    entry = _fact(Entry, _("记账凭证"), null=True, blank=True)
    business_date = models.DateField(_("账务日期"))
    at = models.DateTimeField(_("时间"))
    detail = models.JSONField(_("附加信息"), default=dict)

    class Meta:
        verbose_name = _("核销步骤")
        verbose_name_plural = _("核销步骤")
        ordering = ("redemption", "seq")
        constraints = (
            models.UniqueConstraint(fields=("redemption", "seq"), name="redemption_step_seq"),
            models.UniqueConstraint(
                fields=("client", "kind", "idempotency_key"), name="redemption_step_key_once"
            ),
            models.CheckConstraint(
                condition=Q(order_fen__gte=0) & Q(payer_fen__gte=0) & Q(subsidy_fen__gte=0),
                name="redemption_step_amounts",
            ),
            # A refund slice may be too small to carry a fen of subsidy: it moves no money of ours.
            models.CheckConstraint(
                condition=Q(entry__isnull=False) | Q(kind="REFUND", subsidy_fen=0),
                name="redemption_step_entry",
            ),
        )
        indexes = (
            models.Index(
                fields=("business_date",),
                condition=Q(kind__in=("CONFIRM", "CANCEL", "REFUND")),
                name="redemption_step_facts",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {to_public('rdm', self.redemption_id)}"
