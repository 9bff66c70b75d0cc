"""Screening: parameters, hits with evidence, cases; rules live with the apps owning the facts."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import NIL, new_id
from core.state_machine import StateMachine


class RuleParameter(models.Model):
    """Versioned parameters of a rule, for one campaign or (nil) for all; append-only."""

    rule = models.CharField(_("规则"), max_length=8)
    version = models.PositiveIntegerField(_("版本"))
    campaign_id = models.UUIDField(_("活动"), default=NIL)
    values = models.JSONField(_("参数"))
    enabled = models.BooleanField(_("启用"), default=True)
    created_at = models.DateTimeField(_("生效时间"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("设定人"),
    )

    class Meta:
        verbose_name = _("风控规则参数")
        verbose_name_plural = _("风控规则参数")
        ordering = ("rule", "campaign_id", "-version")
        constraints = (
            models.UniqueConstraint(
                fields=("rule", "campaign_id", "version"), name="rule_parameter_version"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.rule} v{self.version}"


class CaseState(models.TextChoices):
    OPEN = "OPEN", _("待核查")
    IN_REVIEW = "IN_REVIEW", _("核查中")
    RELEASED = "RELEASED", _("排除")
    UPHELD = "UPHELD", _("属实")


class Case(models.Model):
    """A case (风险核查单) about one subject of one campaign, with an owner and a due date."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign_id = models.UUIDField(_("活动"))
    subject_type = models.CharField(_("对象类型"), max_length=10)
    subject_id = models.CharField(_("对象"), max_length=60)
    subject_label = models.CharField(_("对象名称"), max_length=120, blank=True)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    store_region = models.CharField(_("门店地区"), max_length=6, blank=True, db_index=True)
    state = models.CharField(
        _("状态"), max_length=9, choices=CaseState.choices, default=CaseState.OPEN
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("承办人"),
    )
    opened_at = models.DateTimeField(_("立案时间"))
    due_on = models.DateField(_("办结期限"))
    frozen_fen = models.BigIntegerField(_("冻结金额（分）"), default=0)
    evidence_hash = models.CharField(_("证据快照摘要"), max_length=64, blank=True)
    decided_at = models.DateTimeField(_("办结时间"), null=True, blank=True)
    decision_reason = models.TextField(_("结论理由"), blank=True)
    appeal = models.TextField(_("申诉内容"), blank=True)

    class Meta:
        verbose_name = _("风险核查单")
        verbose_name_plural = _("风险核查单")
        ordering = ("-opened_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("campaign_id", "subject_type", "subject_id"),
                condition=Q(state__in=("OPEN", "IN_REVIEW")),
                name="case_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("OPEN", "IN_REVIEW"), decided_at__isnull=True)
                | (
                    Q(state__in=("RELEASED", "UPHELD"), decided_at__isnull=False)
                    & ~Q(decision_reason="")
                ),
                name="case_decision_reasoned",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(
                [
                    ("OPEN", "IN_REVIEW"),
                    ("OPEN", "RELEASED"),
                    ("OPEN", "UPHELD"),
                    ("IN_REVIEW", "RELEASED"),
                    ("IN_REVIEW", "UPHELD"),
                ]
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject_label or self.subject_id}"


class Hit(models.Model):
    """A rule's finding about one subject in one window, with its evidence; append-only."""

    rule = models.CharField(_("规则"), max_length=8)
    rule_version = models.PositiveIntegerField(_("规则版本"))
    family = models.CharField(_("证据类别"), max_length=12)
    campaign_id = models.UUIDField(_("活动"))
    subject_type = models.CharField(_("对象类型"), max_length=10)
    subject_id = models.CharField(_("对象"), max_length=60)
    window_from = models.DateTimeField(_("窗口起"))
    window_until = models.DateTimeField(_("窗口止"))
    freezes = models.BooleanField(_("可单独冻结"), default=False)
    evidence = models.JSONField(_("证据"))
    fact_ids = models.JSONField(_("涉及核销"), default=list)
    case = models.ForeignKey(Case, models.PROTECT, related_name="hits", verbose_name=_("核查单"))
    at = models.DateTimeField(_("发现时间"))

    class Meta:
        verbose_name = _("风控命中")
        verbose_name_plural = _("风控命中")
        ordering = ("-at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "rule",
                    "rule_version",
                    "campaign_id",
                    "subject_type",
                    "subject_id",
                    "window_from",
                    "window_until",
                ),
                name="hit_once",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.rule} · {self.case}"
