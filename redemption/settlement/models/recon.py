"""Reconciliation: imported files, their staged rows, differences as owned rows, closed days."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.models import Approval
from core.state_machine import StateMachine
from merchants.models import Acquirer
from redemption.models.redemptions import Redemption, RedemptionStep
from redemption.settlement.models.payouts import Payout
from redemption.settlement.states import (
    DAY_TRANSITIONS,
    DISCREPANCY_TRANSITIONS,
    DayState,
    DiscrepancyState,
)


class ReconDay(models.Model):
    """One acquirer's business date: open until nothing is unexplained or the rest is approved."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    acquirer = models.ForeignKey(Acquirer, models.PROTECT, verbose_name=_("收单机构"))
    business_date = models.DateField(_("账务日期"))
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    state = models.CharField(
        _("状态"), max_length=6, choices=DayState.choices, default=DayState.OPEN
    )
    matched_count = models.PositiveIntegerField(_("相符笔数"), default=0)
    matched_fen = models.BigIntegerField(_("相符补贴金额（分）"), default=0)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("平账人"),
    )
    closed_at = models.DateTimeField(_("平账时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("对账日")
        verbose_name_plural = _("对账日")
        ordering = ("-business_date", "acquirer")
        constraints = (
            models.UniqueConstraint(fields=("acquirer", "business_date"), name="recon_day_once"),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(DAY_TRANSITIONS),
        )

    def __str__(self) -> str:
        return f"{self.acquirer} {self.business_date}"


class ReconFile(models.Model):
    """An imported file whose control totals agree with its rows; a refused one leaves nothing."""

    class Kind(models.TextChoices):
        ACQUIRER = "ACQUIRER", _("收单机构明细（ZM）")
        BANK = "BANK", _("银行付款结果")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("种类"), max_length=8, choices=Kind.choices)
    acquirer = models.ForeignKey(
        Acquirer, models.PROTECT, null=True, blank=True, verbose_name=_("收单机构")
    )
    day = models.ForeignKey(
        ReconDay,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="files",
        verbose_name=_("对账日"),
    )
    name = models.CharField(_("文件名"), max_length=200)
    sha256 = models.CharField(_("摘要（SHA-256）"), max_length=64)
    row_count = models.PositiveIntegerField(_("行数"))
    totals = models.JSONField(_("控制合计"), default=dict)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("导入人"),
    )
    imported_at = models.DateTimeField(_("导入时间"))
    matched_at = models.DateTimeField(_("比对时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("对账文件")
        verbose_name_plural = _("对账文件")
        ordering = ("-imported_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("kind", "sha256"), name="recon_file_once"),
            models.UniqueConstraint(
                fields=("day",), condition=Q(kind="ACQUIRER"), name="recon_file_per_day"
            ),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.name


class ReconRow(models.Model):
    """A staged row of an acquirer's file; append-only."""

    class Kind(models.TextChoices):
        PAY = "PAY", _("消费")
        CANCEL = "CANCEL", _("撤销")
        REFUND = "REFUND", _("退货")

    file = models.ForeignKey(
        ReconFile, models.PROTECT, related_name="rows", verbose_name=_("对账文件")
    )
    row_no = models.PositiveIntegerField(_("行号"))
    kind = models.CharField(_("交易种类"), max_length=6, choices=Kind.choices)
    trade_no = models.CharField(_("渠道交易号"), max_length=32, db_index=True)
    origin_no = models.CharField(_("原渠道交易号"), max_length=32, blank=True, default="")
    merchant_no = models.CharField(_("商户代码"), max_length=15)
    terminal_no = models.CharField(_("终端号"), max_length=8)
    trace_no = models.CharField(_("系统跟踪号"), max_length=6)
    traded_at = models.DateTimeField(_("交易时间"))
    order_fen = models.BigIntegerField(_("交易金额（分）"))
    discount_fen = models.BigIntegerField(_("优惠金额（分）"))
    fee_fen = models.BigIntegerField(_("手续费（分）"), default=0)
    settle_fen = models.BigIntegerField(_("结算金额（分）"), default=0)

    class Meta:
        verbose_name = _("对账文件明细")
        verbose_name_plural = _("对账文件明细")
        ordering = ("file", "row_no")
        constraints = (
            models.UniqueConstraint(fields=("file", "row_no"), name="recon_row_no"),
            models.CheckConstraint(
                condition=Q(order_fen__gte=0) & Q(discount_fen__gte=0), name="recon_row_amounts"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.trade_no}"


class BankLine(models.Model):
    """A result of the bank for one payout; append-only."""

    class Outcome(models.TextChoices):
        PAID = "PAID", _("成功")
        RETURNED = "RETURNED", _("退汇")

    file = models.ForeignKey(
        ReconFile,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="bank_lines",
        verbose_name=_("对账文件"),
    )
    row_no = models.PositiveIntegerField(_("行号"), default=1)
    payout = models.ForeignKey(
        Payout, models.PROTECT, related_name="bank_lines", verbose_name=_("结算划付")
    )
    attempt = models.PositiveSmallIntegerField(_("第几次发送"))
    outcome = models.CharField(_("结果"), max_length=8, choices=Outcome.choices)
    amount_fen = models.BigIntegerField(_("金额（分）"))
    bank_ref = models.CharField(_("银行流水号"), max_length=64)
    value_date = models.DateField(_("日期"))
    reason = models.CharField(_("原因"), max_length=200, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("登记人"),
    )
    at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("银行付款结果")
        verbose_name_plural = _("银行付款结果")
        ordering = ("-at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("payout", "attempt"), name="bank_line_once"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="bank_line_positive"),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return self.bank_ref


class Discrepancy(models.Model):
    """A difference (差错): owned by somebody until explained or approved as suspense."""

    class Kind(models.TextChoices):
        AMOUNT_DIFFERS = "AMOUNT_DIFFERS", _("金额不符")
        OURS_ONLY = "OURS_ONLY", _("平台单边")
        THEIRS_ONLY = "THEIRS_ONLY", _("对方单边")
        STATUS_DIFFERS = "STATUS_DIFFERS", _("状态不符")
        CROSS_DAY = "CROSS_DAY", _("跨日")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    day = models.ForeignKey(
        ReconDay, models.PROTECT, related_name="discrepancies", verbose_name=_("对账日")
    )
    kind = models.CharField(_("类型"), max_length=14, choices=Kind.choices)
    row = models.ForeignKey(
        ReconRow, models.PROTECT, null=True, blank=True, verbose_name=_("对方明细")
    )
    fact = models.ForeignKey(
        RedemptionStep, models.PROTECT, null=True, blank=True, verbose_name=_("平台明细")
    )
    redemption = models.ForeignKey(
        Redemption, models.PROTECT, null=True, blank=True, verbose_name=_("核销单")
    )
    trade_no = models.CharField(_("渠道交易号"), max_length=64, blank=True)
    ours_fen = models.BigIntegerField(_("平台金额（分）"), null=True, blank=True)
    theirs_fen = models.BigIntegerField(_("对方金额（分）"), null=True, blank=True)
    amount_fen = models.BigIntegerField(_("差额（分）"))
    detail = models.JSONField(_("说明"), default=dict)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("负责人"),
    )
    state = models.CharField(
        _("状态"), max_length=9, choices=DiscrepancyState.choices, default=DiscrepancyState.OPEN
    )
    resolution = models.TextField(_("处理结果"), blank=True)
    evidence = models.TextField(_("依据"), blank=True)
    approval = models.ForeignKey(
        Approval, models.PROTECT, null=True, blank=True, verbose_name=_("挂账审批")
    )
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    store_region = models.CharField(_("门店地区"), max_length=6, blank=True, db_index=True)
    found_at = models.DateTimeField(_("发现时间"))
    resolved_at = models.DateTimeField(_("处理时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("对账差错")
        verbose_name_plural = _("对账差错")
        ordering = ("-found_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("day", "row"), condition=Q(row__isnull=False), name="discrepancy_row_once"
            ),
            models.UniqueConstraint(
                fields=("day", "fact"),
                condition=Q(fact__isnull=False, row__isnull=True),
                name="discrepancy_fact_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="EXPLAINED")
                | (Q(resolved_at__isnull=False) & ~Q(resolution="")),
                name="discrepancy_explained",
            ),
        )
        indexes = (
            models.Index(fields=("day",), condition=~Q(state="EXPLAINED"), name="discrepancy_open"),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(DISCREPANCY_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen", fields=["day", "kind", "row", "fact", "ours_fen", "theirs_fen"]
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.trade_no}"
