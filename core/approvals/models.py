"""Maker–checker: an approval is bound to the hash of exactly what was approved."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.state_machine import StateMachine


class ApprovalState(models.TextChoices):
    PENDING = "PENDING", _("待复核")
    APPROVED = "APPROVED", _("已批准")
    REJECTED = "REJECTED", _("已驳回")
    WITHDRAWN = "WITHDRAWN", _("已撤回")


class Approval(models.Model):
    """A request of a maker (经办) that takes effect once enough checkers (复核) agree."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("事项"), max_length=40)
    subject_type = models.CharField(_("对象类型"), max_length=40)
    subject_id = models.CharField(_("对象"), max_length=40)
    title = models.CharField(_("标题"), max_length=200)
    config_hash = models.CharField(_("内容摘要"), max_length=64)
    payload = models.JSONField(_("内容"), default=dict)
    amount_fen = models.BigIntegerField(_("涉及金额（分）"), default=0)
    depth = models.PositiveSmallIntegerField(_("需复核级数"), default=1)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("经办人")
    )
    reason = models.TextField(_("申请说明"), blank=True)
    state = models.CharField(
        _("状态"), max_length=9, choices=ApprovalState.choices, default=ApprovalState.PENDING
    )
    created_at = models.DateTimeField(_("提交时间"))
    decided_at = models.DateTimeField(_("办结时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("审批")
        verbose_name_plural = _("审批")
        ordering = ("-created_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "subject_type", "subject_id"),
                condition=Q(state="PENDING"),
                name="approval_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(state="PENDING", decided_at__isnull=True)
                | (~Q(state="PENDING") & Q(decided_at__isnull=False)),
                name="approval_decided_at",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(
                [
                    ("PENDING", "APPROVED"),
                    ("PENDING", "REJECTED"),
                    ("PENDING", "WITHDRAWN"),
                ]
            ),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=["kind", "subject_type", "subject_id", "config_hash", "payload", "maker"],
            ),
        )

    def __str__(self) -> str:
        return self.title


class ApprovalDecision(models.Model):
    """One checker's word; a trigger in core/sql/approvals.sql keeps maker and checker apart."""

    approval = models.ForeignKey(
        Approval, models.PROTECT, related_name="decisions", verbose_name=_("审批")
    )
    step = models.PositiveSmallIntegerField(_("级次"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("复核人")
    )
    agreed = models.BooleanField(_("同意"))
    comment = models.TextField(_("意见"), blank=True)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("复核意见")
        verbose_name_plural = _("复核意见")
        ordering = ("approval", "step")
        constraints = (
            models.UniqueConstraint(fields=("approval", "step"), name="decision_step_once"),
            models.UniqueConstraint(fields=("approval", "checker"), name="decision_checker_once"),
        )
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.approval} · {self.step}"
