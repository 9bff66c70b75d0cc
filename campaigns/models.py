"""Campaigns, who pays for them, what was approved, and where vouchers may be used."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.models import Approval, Organisation
from core.state_machine import StateMachine
from merchants.models import Store


class CampaignState(models.TextChoices):
    DRAFT = "DRAFT", _("草稿")
    SUBMITTED = "SUBMITTED", _("已提交")
    APPROVED = "APPROVED", _("已批准")
    LIVE = "LIVE", _("进行中")
    PAUSED = "PAUSED", _("已暂停")
    ENDED = "ENDED", _("已结束")
    CLEARING = "CLEARING", _("清算中")
    AUDITED = "AUDITED", _("已审计")
    CLOSED = "CLOSED", _("已关闭")


CAMPAIGN_TRANSITIONS: tuple[tuple[str, str], ...] = (
    ("DRAFT", "SUBMITTED"),
    ("SUBMITTED", "DRAFT"),
    ("SUBMITTED", "APPROVED"),
    ("APPROVED", "DRAFT"),
    ("APPROVED", "LIVE"),
    ("LIVE", "PAUSED"),
    ("PAUSED", "LIVE"),
    ("LIVE", "ENDED"),
    ("PAUSED", "ENDED"),
    ("ENDED", "CLEARING"),
    ("CLEARING", "AUDITED"),
    ("AUDITED", "CLOSED"),
)


class Funder(models.Model):
    """A party that gives money (出资方); the same party may fund many campaigns."""

    class Level(models.TextChoices):
        CENTRAL = "CENTRAL", _("中央")
        PROVINCE = "PROVINCE", _("自治区/省")
        CITY = "CITY", _("市")
        COUNTY = "COUNTY", _("县")
        BANK = "BANK", _("银行")
        MERCHANT = "MERCHANT", _("商户")
        BRAND = "BRAND", _("品牌方")
        PLATFORM = "PLATFORM", _("平台")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("出资方代码"), max_length=40, unique=True)
    name = models.CharField(_("出资方名称"), max_length=120)
    level = models.CharField(_("层级"), max_length=8, choices=Level.choices)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, verbose_name=_("对应机构")
    )

    class Meta:
        verbose_name = _("出资方")
        verbose_name_plural = _("出资方")
        ordering = ("code",)
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.name


class Campaign(models.Model):
    """A campaign (活动): regions, period, state; its rules are those of its live version."""

    class SettlementPath(models.TextChoices):
        NETWORK_CLEARED = "NETWORK_CLEARED", _("网络已清算")
        PLATFORM_PAYOUT = "PLATFORM_PAYOUT", _("平台划付")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("活动代码"), max_length=60, unique=True)
    title = models.CharField(_("活动名称"), max_length=120)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    regions = ArrayField(models.CharField(max_length=6), verbose_name=_("适用地区"))
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, verbose_name=_("主办机构")
    )
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间（不含）"))
    settlement_path = models.CharField(
        _("结算路径"),
        max_length=16,
        choices=SettlementPath.choices,
        default=SettlementPath.PLATFORM_PAYOUT,
    )
    state = models.CharField(
        _("状态"), max_length=9, choices=CampaignState.choices, default=CampaignState.DRAFT
    )
    redemptions_on = models.BooleanField(_("允许核销"), default=True)
    draft = models.JSONField(_("方案草稿"), default=dict)
    version = models.ForeignKey(
        "Version",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("生效版本"),
    )
    created_at = models.DateTimeField(_("创建时间"))

    class Meta:
        verbose_name = _("活动")
        verbose_name_plural = _("活动")
        ordering = ("-starts_at", "code")
        constraints = (
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="campaign_period"),
            models.CheckConstraint(
                condition=Q(state__in=("DRAFT", "SUBMITTED")) | Q(version__isnull=False),
                name="campaign_live_needs_version",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(CAMPAIGN_TRANSITIONS),
        )

    def __str__(self) -> str:
        return self.title


class Version(models.Model):
    """A configuration frozen by approval: the document, its hash, and who approved it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="versions", verbose_name=_("活动")
    )
    number = models.PositiveIntegerField(_("版本号"))
    document = models.JSONField(_("方案文件"))
    config_hash = models.CharField(_("方案摘要"), max_length=64)
    approval = models.OneToOneField(Approval, models.PROTECT, verbose_name=_("审批"))
    frozen_at = models.DateTimeField(_("批准时间"))

    class Meta:
        verbose_name = _("方案版本")
        verbose_name_plural = _("方案版本")
        ordering = ("campaign", "-number")
        constraints = (
            models.UniqueConstraint(fields=("campaign", "number"), name="version_number"),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.campaign} v{self.number}"


class Funding(models.Model):
    """What one funder gives to one campaign, and in which mode the cash comes (domain-rules §2)."""

    class Mode(models.TextChoices):
        PREFUNDED = "PREFUNDED", _("预拨")
        OPERATOR_ADVANCE = "OPERATOR_ADVANCE", _("平台垫付")
        ACQUIRER_ADVANCE = "ACQUIRER_ADVANCE", _("收单机构垫付")
        MERCHANT_ADVANCE = "MERCHANT_ADVANCE", _("商户先行垫付、事后申报")
        MERCHANT_CONCESSION = "MERCHANT_CONCESSION", _("商户让利")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="fundings", verbose_name=_("活动")
    )
    funder = models.ForeignKey(
        Funder, models.PROTECT, related_name="fundings", verbose_name=_("出资方")
    )
    mode = models.CharField(_("出资方式"), max_length=20, choices=Mode.choices)
    quota_fen = models.BigIntegerField(_("预算额度（分）"))
    document = models.JSONField(_("资金文件"), default=dict)
    position = models.PositiveSmallIntegerField(_("顺序"), default=0)

    class Meta:
        verbose_name = _("活动出资")
        verbose_name_plural = _("活动出资")
        ordering = ("campaign", "position")
        constraints = (
            models.UniqueConstraint(fields=("campaign", "funder"), name="funding_once"),
            models.CheckConstraint(condition=Q(quota_fen__gte=0), name="funding_not_negative"),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.funder} → {self.campaign}"


class FundsMovement(models.Model):
    """Cash that came or went: entered by the maker, booked once the checker agrees; append-only."""

    class Kind(models.TextChoices):
        RECEIVED = "RECEIVED", _("拨付到账")
        ADVANCE_REPAID = "ADVANCE_REPAID", _("垫付归还")
        LEFTOVER_RETURNED = "LEFTOVER_RETURNED", _("结余资金缴回")
        INTEREST = "INTEREST", _("利息")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, verbose_name=_("活动"))
    funder = models.ForeignKey(Funder, models.PROTECT, verbose_name=_("出资方"))
    kind = models.CharField(_("类型"), max_length=20, choices=Kind.choices)
    amount_fen = models.BigIntegerField(_("金额（分）"))
    document_no = models.CharField(_("凭证号/文号"), max_length=80)
    value_date = models.DateField(_("到账日期"))
    approval = models.OneToOneField(Approval, models.PROTECT, verbose_name=_("审批"))
    entry_id = models.UUIDField(_("记账凭证"))
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    at = models.DateTimeField(_("记账时间"))

    class Meta:
        verbose_name = _("资金收支")
        verbose_name_plural = _("资金收支")
        ordering = ("-at", "pk")
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="funds_movement_positive"),
            models.UniqueConstraint(
                fields=("campaign", "funder", "kind", "document_no"), name="funds_movement_once"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.document_no}"


class Whitelist(models.Model):
    """A version of the list of participating stores (参与商户名单)."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", _("草稿")
        SUBMITTED = "SUBMITTED", _("已提交")
        IN_FORCE = "IN_FORCE", _("生效")
        SUPERSEDED = "SUPERSEDED", _("已被替换")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="whitelists", verbose_name=_("活动")
    )
    number = models.PositiveIntegerField(_("版本号"))
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.DRAFT)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    approval = models.OneToOneField(
        Approval, models.PROTECT, null=True, blank=True, verbose_name=_("审批")
    )
    in_force_at = models.DateTimeField(_("生效时间"), null=True, blank=True)
    created_at = models.DateTimeField(_("创建时间"))

    class Meta:
        verbose_name = _("参与商户名单")
        verbose_name_plural = _("参与商户名单")
        ordering = ("campaign", "-number")
        constraints = (
            models.UniqueConstraint(fields=("campaign", "number"), name="whitelist_number"),
            models.UniqueConstraint(
                fields=("campaign",), condition=Q(state="IN_FORCE"), name="whitelist_one_in_force"
            ),
        )
        triggers = (
            StateMachine(
                [
                    ("DRAFT", "SUBMITTED"),
                    ("SUBMITTED", "DRAFT"),
                    ("SUBMITTED", "IN_FORCE"),
                    ("IN_FORCE", "SUPERSEDED"),
                ]
            ),
        )

    def __str__(self) -> str:
        return f"{self.campaign} 名单 v{self.number}"


class WhitelistEntry(models.Model):
    """A store on a version of the list."""

    whitelist = models.ForeignKey(
        Whitelist, models.CASCADE, related_name="entries", verbose_name=_("名单")
    )
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("门店"))

    class Meta:
        verbose_name = _("名单门店")
        verbose_name_plural = _("名单门店")
        ordering = ("whitelist", "pk")
        constraints = (
            models.UniqueConstraint(fields=("whitelist", "store"), name="whitelist_store_once"),
        )
        triggers = (
            pgtrigger.Trigger(
                name="draft_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("list_state", "text")],
                func="""
                    SELECT state INTO list_state FROM campaigns_whitelist
                     WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.whitelist_id
                                     ELSE NEW.whitelist_id END;
                    IF list_state <> 'DRAFT' THEN
                        RAISE EXCEPTION 'whitelist is frozen: state %', list_state
                            USING ERRCODE = 'check_violation';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            ),
        )

    def __str__(self) -> str:
        return str(self.store)
