"""Facts frozen by a screening case, and what merchants paid back."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, Funder
from core.ids import new_id, to_public
from core.models import Case, Entry
from core.state_machine import StateMachine
from merchants.models import Payee
from redemption.models.redemptions import Redemption, RedemptionStep
from redemption.settlement.states import FREEZE_TRANSITIONS, FreezeState


class FrozenFact(models.Model):
    """A confirmed redemption whose settlement a case holds back.

    ``MONEY``: its unpaid subsidy lies in payable-frozen. ``NEXT_PAYOUT``: it is approved or paid
    already, so only the payee's next settlement is held (architecture.md, Settlement).
    """

    class Mode(models.TextChoices):
        MONEY = "MONEY", _("冻结应付款")
        NEXT_PAYOUT = "NEXT_PAYOUT", _("暂缓下次结算")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    fact = models.ForeignKey(
        RedemptionStep, models.PROTECT, related_name="freezes", verbose_name=_("核销步骤")
    )
    redemption = models.ForeignKey(
        Redemption, models.PROTECT, related_name="freezes", verbose_name=_("核销单")
    )
    case = models.ForeignKey(
        Case, models.PROTECT, related_name="frozen_facts", verbose_name=_("核查单")
    )
    campaign = models.ForeignKey(Campaign, models.PROTECT, verbose_name=_("活动"))
    payee = models.ForeignKey(Payee, models.PROTECT, verbose_name=_("收款方"))
    mode = models.CharField(_("方式"), max_length=11, choices=Mode.choices)
    funder_ids = ArrayField(models.UUIDField(), verbose_name=_("出资方"))
    parts = ArrayField(models.BigIntegerField(), verbose_name=_("各方金额（分）"))
    amount_fen = models.BigIntegerField(_("冻结金额（分）"))
    closed_fen = models.BigIntegerField(_("解冻/追回金额（分）"), null=True, blank=True)
    entry = models.ForeignKey(
        Entry, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("冻结凭证")
    )
    close_entry = models.ForeignKey(
        Entry, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("解冻凭证")
    )
    state = models.CharField(
        _("状态"), max_length=9, choices=FreezeState.choices, default=FreezeState.ACTIVE
    )
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    store_region = models.CharField(_("门店地区"), max_length=6, db_index=True)
    frozen_at = models.DateTimeField(_("冻结时间"))
    closed_at = models.DateTimeField(_("解除时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("冻结明细")
        verbose_name_plural = _("冻结明细")
        ordering = ("-frozen_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("fact",), condition=Q(state="ACTIVE"), name="frozen_fact_once"
            ),
            models.UniqueConstraint(
                fields=("fact",), condition=Q(state="RECOVERED"), name="frozen_fact_recovered_once"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gte=0), name="frozen_fact_amount"),
            models.CheckConstraint(
                condition=Q(state="ACTIVE", closed_at__isnull=True)
                | (~Q(state="ACTIVE") & Q(closed_at__isnull=False)),
                name="frozen_fact_closed",
            ),
        )
        indexes = (
            models.Index(
                fields=("payee", "campaign"), condition=Q(state="ACTIVE"), name="frozen_payee"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(FREEZE_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=["fact", "redemption", "case", "payee", "mode", "parts", "amount_fen"],
            ),
        )

    def __str__(self) -> str:
        return to_public("rdm", self.redemption_id)


class MerchantRepayment(models.Model):
    """Cash a merchant paid back on what it owes (merchant-receivable); append-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, verbose_name=_("活动"))
    payee = models.ForeignKey(Payee, models.PROTECT, verbose_name=_("收款方"))
    funder = models.ForeignKey(Funder, models.PROTECT, verbose_name=_("出资方"))
    amount_fen = models.BigIntegerField(_("还款金额（分）"))
    document_no = models.CharField(_("银行回单号"), max_length=80)
    value_date = models.DateField(_("到账日期"))
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+", verbose_name=_("记账凭证"))
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("登记人")
    )
    at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("商户还款")
        verbose_name_plural = _("商户还款")
        ordering = ("-at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("campaign", "payee", "funder", "document_no"), name="repayment_once"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="repayment_positive"),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return self.document_no
