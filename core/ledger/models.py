"""Double entry, append-only. A posting is a transfer row, so an entry balances by construction.

Constraints Django cannot express (both accounts of one campaign and funder, balances that follow
postings) are in ``core/sql/ledger.sql``.
"""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import NIL, new_id


class AccountKind(models.TextChoices):
    """Account kinds of architecture.md, Money. The first four have their normal side on debit."""

    FUNDER_RECEIVABLE = "FUNDER_RECEIVABLE", _("应收出资款")
    CASH = "CASH", _("到账资金")
    CONCESSION = "CONCESSION", _("商户让利")
    MERCHANT_RECEIVABLE = "MERCHANT_RECEIVABLE", _("应收商户款")
    AVAILABLE = "AVAILABLE", _("可用额度")
    ALLOCATED = "ALLOCATED", _("已分配未投放")
    RESERVED = "RESERVED", _("已投放未领取")
    OUTSTANDING = "OUTSTANDING", _("已领取未使用")
    HELD = "HELD", _("占用中")
    EARMARKED = "EARMARKED", _("已用券保留余额")
    PAYABLE = "PAYABLE", _("应付补贴款")
    PAYABLE_FROZEN = "PAYABLE_FROZEN", _("冻结应付款")
    SETTLING = "SETTLING", _("结算中")
    IN_TRANSIT = "IN_TRANSIT", _("划付在途")
    ADVANCE_PAYABLE = "ADVANCE_PAYABLE", _("应还垫付款")
    RETURN_PAYABLE = "RETURN_PAYABLE", _("应缴回结余")


DEBIT_SIDE = frozenset(
    {
        AccountKind.FUNDER_RECEIVABLE,
        AccountKind.CASH,
        AccountKind.CONCESSION,
        AccountKind.MERCHANT_RECEIVABLE,
    }
)


class Account(models.Model):
    """A ledger account; ``unit_id`` is a batch, a payee, or nil for campaign-wide accounts."""

    kind = models.CharField(_("账户种类"), max_length=20, choices=AccountKind.choices)
    campaign_id = models.UUIDField(_("活动"))
    funder_id = models.UUIDField(_("出资方"))
    unit_id = models.UUIDField(_("核算单元"), default=NIL)
    balance_fen = models.BigIntegerField(_("余额（分）"), default=0, db_default=0)

    class Meta:
        verbose_name = _("账户")
        verbose_name_plural = _("账户")
        ordering = ("campaign_id", "funder_id", "kind", "unit_id")
        constraints = (
            models.UniqueConstraint(
                fields=("campaign_id", "funder_id", "kind", "unit_id"), name="account_identity"
            ),
            models.UniqueConstraint(
                fields=("id", "campaign_id", "funder_id"), name="account_owner_key"
            ),
            models.CheckConstraint(condition=Q(balance_fen__gte=0), name="account_not_negative"),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"


class EntryCode(models.TextChoices):
    """Why an entry was made."""

    BUDGET = "BUDGET", _("预算额度批复")
    FUNDS_RECEIVED = "FUNDS_RECEIVED", _("拨付到账")
    ALLOCATE = "ALLOCATE", _("批次预算分配")
    RELEASE_OPEN = "RELEASE_OPEN", _("投放开启")
    RELEASE_CLOSE = "RELEASE_CLOSE", _("投放收回")
    CLAIM = "CLAIM", _("领取")
    HOLD = "HOLD", _("占用")
    HOLD_RELEASE = "HOLD_RELEASE", _("释放")
    HOLD_TIME_OUT = "HOLD_TIME_OUT", _("占用超时")
    CONFIRM = "CONFIRM", _("核销")
    EARMARK_RETURN = "EARMARK_RETURN", _("保留余额退回")
    CANCEL = "CANCEL", _("撤销")
    REFUND = "REFUND", _("退款")
    FREEZE = "FREEZE", _("冻结")
    UNFREEZE = "UNFREEZE", _("解冻")
    ASSIGN = "ASSIGN", _("纳入结算")
    UNASSIGN = "UNASSIGN", _("结算退回")
    APPROVE = "APPROVE", _("结算批准")
    PAY = "PAY", _("划付成功")
    PAY_RETURNED = "PAY_RETURNED", _("划付退汇")
    NET = "NET", _("应收轧差")
    REPAY = "REPAY", _("商户还款")
    RECOVER = "RECOVER", _("追回")
    ADVANCE_REPAID = "ADVANCE_REPAID", _("垫付归还")
    EXPIRE = "EXPIRE", _("过期退回")
    VOID = "VOID", _("作废退回")
    BATCH_CLOSE = "BATCH_CLOSE", _("批次关闭")
    CAMPAIGN_CLOSE = "CAMPAIGN_CLOSE", _("活动关闭")
    LEFTOVER_RETURNED = "LEFTOVER_RETURNED", _("结余资金缴回")
    INTEREST = "INTEREST", _("利息")
    ADJUSTMENT = "ADJUSTMENT", _("调账")


class Entry(models.Model):
    """A bookkeeping entry (记账凭证): one per committed group of facts of one campaign."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(_("事由"), max_length=20, choices=EntryCode.choices)
    campaign_id = models.UUIDField(_("活动"))
    source_key = models.CharField(_("来源键"), max_length=120, unique=True)
    business_date = models.DateField(_("账务日期"))
    at = models.DateTimeField(_("记账时间"))

    class Meta:
        verbose_name = _("记账凭证")
        verbose_name_plural = _("记账凭证")
        ordering = ("-at", "pk")
        indexes = (
            models.Index(fields=("campaign_id", "business_date"), name="entry_campaign_day"),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.get_code_display()} {self.business_date}"


class Posting(models.Model):
    """A transfer of ``amount_fen`` from the debit to the credit side of one campaign and funder."""

    entry = models.ForeignKey(
        Entry, models.PROTECT, related_name="postings", verbose_name=_("记账凭证")
    )
    campaign_id = models.UUIDField(_("活动"))
    funder_id = models.UUIDField(_("出资方"))
    debit_account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, verbose_name=_("借方账户")
    )
    credit_account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_constraint=False, verbose_name=_("贷方账户")
    )
    amount_fen = models.BigIntegerField(_("金额（分）"))

    class Meta:
        verbose_name = _("分录")
        verbose_name_plural = _("分录")
        ordering = ("pk",)
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="posting_positive"),
            models.CheckConstraint(
                condition=~Q(debit_account=models.F("credit_account")), name="posting_two_accounts"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"
