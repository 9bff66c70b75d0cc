"""Batches, their frozen rules, and the quota releases that open parts of them."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, Version
from core.ids import new_id
from core.models import Client
from core.passages import moment_words
from core.state_machine import StateMachine
from vouchers.states import RELEASE_TRANSITIONS, ReleaseState


class Batch(models.Model):
    """A batch (券批次): one face, threshold and rule set, with its counters.

    ``funder_ids``, ``weights`` and ``concessions`` are the frozen funder list; parts of a voucher
    follow its order. Face and funders never change after the first release, since part n of a
    batch depends on all parts before it.

    A pack (kind PACK) has waves and a counter but no money: pack m is vouchers
    ``(m−1)·pack_quantity+1 … m·pack_quantity`` of each of its ``parts``, whose counters and
    accounts move with it.
    """

    class Kind(models.TextChoices):
        THRESHOLD = "THRESHOLD", _("满减券")
        NO_THRESHOLD = "NO_THRESHOLD", _("无门槛券")
        PERCENTAGE = "PERCENTAGE", _("折扣券")
        TIERS = "TIERS", _("阶梯满减券")
        INSTANT = "INSTANT", _("立减")
        RETURN = "RETURN", _("消费返券")
        PACK = "PACK", _("券包")
        EXCHANGE = "EXCHANGE", _("兑换券")
        SUBSIDY = "SUBSIDY", _("补贴")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="batches", verbose_name=_("活动")
    )
    code = models.SlugField(_("批次代码"), max_length=60)
    name = models.CharField(_("批次名称"), max_length=120)
    kind = models.CharField(_("券种"), max_length=12, choices=Kind.choices)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    face_fen = models.BigIntegerField(_("面额（分）"))
    planned_units = models.BigIntegerField(_("计划张数"))
    funder_ids = ArrayField(models.UUIDField(), verbose_name=_("出资方"))
    weights = ArrayField(models.BigIntegerField(), verbose_name=_("出资比例"))
    concessions = ArrayField(models.BooleanField(), verbose_name=_("是否商户让利"))
    pack = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
        verbose_name=_("所属券包"),
    )
    pack_quantity = models.PositiveSmallIntegerField(_("每包张数"), default=1, db_default=1)
    position = models.PositiveSmallIntegerField(_("顺序"), default=0)
    claims_on = models.BooleanField(_("允许领取"), default=True)
    redemptions_on = models.BooleanField(_("允许核销"), default=True)
    returned_units = models.BigIntegerField(_("过期可再投放张数"), default=0)
    released = models.BigIntegerField(_("已投放张数"), default=0)
    issued = models.BigIntegerField(_("已领取张数"), default=0)
    version = models.ForeignKey(
        "BatchVersion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("生效规则"),
    )

    class Meta:
        verbose_name = _("券批次")
        verbose_name_plural = _("券批次")
        ordering = ("campaign", "position", "code")
        constraints = (
            models.UniqueConstraint(fields=("campaign", "code"), name="batch_code"),
            models.CheckConstraint(condition=Q(face_fen__gt=0), name="batch_face_positive"),
            models.CheckConstraint(
                condition=Q(issued__gte=0)
                & Q(returned_units__gte=0)
                & Q(issued__lte=F("released"))
                & Q(released__lte=F("planned_units") + F("returned_units")),
                name="batch_counters",
            ),
            models.CheckConstraint(
                condition=Q(weights__len=F("funder_ids__len"))
                & Q(concessions__len=F("funder_ids__len"))
                & (Q(funder_ids__len__gte=1) | Q(kind="PACK", funder_ids__len=0)),
                name="batch_funder_list",
            ),
            models.CheckConstraint(
                condition=Q(pack__isnull=True, pack_quantity=1)
                | Q(pack__isnull=False, pack_quantity__gte=1) & ~Q(kind="PACK"),
                name="batch_pack_part",
            ),
        )
        # What is taken off at payments (立减) is looked for by each of them.
        indexes = (
            models.Index(fields=("campaign",), condition=Q(kind="INSTANT"), name="batch_instant"),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="frozen_money",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__released__gt=0)
                & (
                    pgtrigger.Q(old__face_fen__df=pgtrigger.F("new__face_fen"))
                    | pgtrigger.Q(old__funder_ids__df=pgtrigger.F("new__funder_ids"))
                    | pgtrigger.Q(old__weights__df=pgtrigger.F("new__weights"))
                    | pgtrigger.Q(old__concessions__df=pgtrigger.F("new__concessions"))
                    | pgtrigger.Q(old__pack__df=pgtrigger.F("new__pack"))
                    | pgtrigger.Q(old__pack_quantity__df=pgtrigger.F("new__pack_quantity"))
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name


class BatchVersion(models.Model):
    """The rules of a batch as frozen by one approved version of its campaign."""

    batch = models.ForeignKey(
        Batch, models.PROTECT, related_name="versions", verbose_name=_("券批次")
    )
    version = models.ForeignKey(
        Version, models.PROTECT, related_name="batch_versions", verbose_name=_("方案版本")
    )
    rules = models.JSONField(_("规则"))

    class Meta:
        verbose_name = _("批次规则版本")
        verbose_name_plural = _("批次规则版本")
        ordering = ("batch", "-pk")
        constraints = (
            models.UniqueConstraint(fields=("batch", "version"), name="batch_version_once"),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.batch} v{self.version.number}"


class QuotaRelease(models.Model):
    """A wave (投放) that opens part of a batch's quota at one slot, exactly once.

    ``channel_units`` of the planned units are kept for the clients ``channel_ids``, in this order;
    what they have not used at ``fall_back_at`` goes to everybody, also exactly once. The plan is
    the approved version's until the wave opens, and never changes after.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        Batch, models.PROTECT, related_name="releases", verbose_name=_("券批次")
    )
    slot = models.DateTimeField(_("投放时点"))
    closes_at = models.DateTimeField(_("领取截止"), null=True, blank=True)
    planned_units = models.BigIntegerField(_("计划张数"))
    channel_ids = ArrayField(models.UUIDField(), default=list, blank=True, verbose_name=_("渠道"))
    channel_units = ArrayField(
        models.BigIntegerField(), default=list, blank=True, verbose_name=_("渠道计划张数")
    )
    fall_back_at = models.DateTimeField(_("渠道额度回流时点"), null=True, blank=True)
    rolled_units = models.BigIntegerField(
        _("滚入张数"), default=0, help_text=_("实际投放中超出本轮计划、由以前各轮结余滚入的张数")
    )
    opened_units = models.BigIntegerField(_("实际投放张数"), default=0)
    closed_units = models.BigIntegerField(_("收回张数"), default=0)
    claimed_units = models.BigIntegerField(
        _("核对领取张数"), null=True, blank=True, help_text=_("投放领完或结束时由领取记录合计")
    )
    proved_at = models.DateTimeField(_("核对时间"), null=True, blank=True)
    state = models.CharField(
        _("状态"), max_length=9, choices=ReleaseState.choices, default=ReleaseState.PLANNED
    )
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    waiting_since = models.DateTimeField(
        _("等待资金自"),
        null=True,
        blank=True,
        help_text=_("到了投放时点而出资方资金不足一张：资金到位后自动投放"),
    )
    opened_at = models.DateTimeField(_("投放时间"), null=True, blank=True)
    closed_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    fell_back_at = models.DateTimeField(_("渠道额度回流时间"), null=True, blank=True)
    fallen_units = models.BigIntegerField(_("回流张数"), default=0)

    class Meta:
        verbose_name = _("额度投放")
        verbose_name_plural = _("额度投放")
        ordering = ("slot", "batch")
        constraints = (
            models.UniqueConstraint(fields=("batch", "slot"), name="release_slot_once"),
            models.CheckConstraint(
                condition=Q(planned_units__gt=0)
                & Q(opened_units__gte=0)
                & Q(rolled_units__gte=0)
                & (
                    Q(rolled_units=0, opened_units__lte=F("planned_units"))
                    | Q(opened_units=F("planned_units") + F("rolled_units"))
                )
                & Q(closed_units__gte=0)
                & Q(closed_units__lte=F("opened_units")),
                name="release_units",
            ),
            # Opened = claimed + taken back, from the claims themselves (release_proofs).
            models.CheckConstraint(
                condition=Q(proved_at__isnull=True, claimed_units__isnull=True)
                | Q(
                    proved_at__isnull=False,
                    claimed_units__isnull=False,
                    opened_units=F("claimed_units") + F("closed_units"),
                ),
                name="release_proof",
            ),
            # That the channels' units are within the planned ones: vouchers_slices.sql.
            models.CheckConstraint(
                condition=Q(channel_units__len=F("channel_ids__len"))
                & (Q(fall_back_at__isnull=True) | Q(fall_back_at__gt=F("slot"))),
                name="release_channels",
            ),
            models.CheckConstraint(
                condition=Q(fell_back_at__isnull=True, fallen_units=0)
                | Q(
                    fall_back_at__isnull=False,
                    fell_back_at__gte=F("fall_back_at"),
                    fallen_units__gte=0,
                ),
                name="release_fell_back",
            ),
            models.CheckConstraint(
                condition=Q(waiting_since__isnull=True) | ~Q(state=ReleaseState.OPEN),
                name="release_waits_unopened",
            ),
        )
        indexes = (
            models.Index(fields=("batch",), condition=Q(state="OPEN"), name="release_open"),
            models.Index(fields=("slot",), condition=Q(state="PLANNED"), name="release_due"),
            models.Index(
                fields=("fall_back_at",),
                condition=Q(state="OPEN", fall_back_at__isnull=False, fell_back_at__isnull=True),
                name="release_falls_back",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(RELEASE_TRANSITIONS),
            pgtrigger.Protect(
                name="plan_frozen",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="PLANNED")
                & (
                    pgtrigger.Q(old__planned_units__df=pgtrigger.F("new__planned_units"))
                    | pgtrigger.Q(old__rolled_units__df=pgtrigger.F("new__rolled_units"))
                    | pgtrigger.Q(old__channel_ids__df=pgtrigger.F("new__channel_ids"))
                    | pgtrigger.Q(old__channel_units__df=pgtrigger.F("new__channel_units"))
                    | pgtrigger.Q(old__fall_back_at__df=pgtrigger.F("new__fall_back_at"))
                ),
            ),
            pgtrigger.Protect(
                name="falls_back_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__fell_back_at__isnull=False)
                & (
                    pgtrigger.Q(old__fell_back_at__df=pgtrigger.F("new__fell_back_at"))
                    | pgtrigger.Q(old__fallen_units__df=pgtrigger.F("new__fallen_units"))
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.batch} {moment_words(self.slot)}"

    @property
    def is_dropped(self) -> bool:
        """Whether a later version took it out of the plan before its slot came."""
        return self.state == ReleaseState.CANCELLED and self.closed_at is None


class QuotaSlice(models.Model):
    """The units of a release for one channel, or (no channel) for all.

    Made when the wave opens; falling back takes from a channel's ``planned`` what is not issued.
    """

    release = models.ForeignKey(
        QuotaRelease, models.PROTECT, related_name="slices", verbose_name=_("额度投放")
    )
    channel = models.ForeignKey(
        Client, models.PROTECT, null=True, blank=True, verbose_name=_("渠道")
    )
    planned = models.BigIntegerField(_("额度张数"))
    issued = models.BigIntegerField(_("已领取张数"), default=0)

    class Meta:
        verbose_name = _("渠道额度")
        verbose_name_plural = _("渠道额度")
        ordering = ("release", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("release", "channel"), nulls_distinct=False, name="slice_once"
            ),
            models.CheckConstraint(
                condition=Q(issued__gte=0) & Q(issued__lte=F("planned")), name="slice_counters"
            ),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.release} · {self.channel or _('不限渠道')}"
