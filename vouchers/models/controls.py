"""The control list (风控名单): keys from which nothing is claimed for a while."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.models import Approval, Case
from core.state_machine import StateMachine
from vouchers.models.persons import IdentityKey
from vouchers.states import CONTROL_TRANSITIONS, ControlState


class ControlEntry(models.Model):
    """One document, mobile, device, card or account that may claim nothing for a while.

    In ``[valid_from, valid_until)``, unless lifted before, and for campaigns owned in the subtree
    of ``owner_region``. The key is known by its hashes alone; what may be shown is its tail.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.ForeignKey(IdentityKey, models.PROTECT, verbose_name=_("身份标识"))
    reason = models.TextField(_("列入理由"))
    owner_region = models.CharField(_("管控地区"), max_length=6, db_index=True)
    valid_from = models.DateTimeField(_("起始时间"))
    valid_until = models.DateTimeField(_("截止时间（不含）"))
    state = models.CharField(
        _("状态"), max_length=9, choices=ControlState.choices, default=ControlState.SUBMITTED
    )
    case = models.ForeignKey(
        Case, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("核查单")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("经办人")
    )
    created_at = models.DateTimeField(_("提交时间"))
    approval = models.ForeignKey(
        Approval,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("列入审批"),
    )
    lift_approval = models.ForeignKey(
        Approval,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("解除审批"),
    )
    lifted_at = models.DateTimeField(_("解除时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("风控名单")
        verbose_name_plural = _("风控名单")
        ordering = ("-created_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("key", "owner_region"),
                condition=Q(state="SUBMITTED"),
                name="control_one_submitted",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")), name="control_period"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="control_reasoned"),
            models.CheckConstraint(
                condition=Q(state__in=("SUBMITTED", "REJECTED"), approval__isnull=True)
                | Q(state__in=("IN_FORCE", "LIFTED"), approval__isnull=False),
                name="control_approved",
            ),
            models.CheckConstraint(
                condition=Q(state="LIFTED", lift_approval__isnull=False, lifted_at__isnull=False)
                | (~Q(state="LIFTED") & Q(lift_approval__isnull=True, lifted_at__isnull=True)),
                name="control_lifted",
            ),
        )
        indexes = (
            # Every claim asks whether anybody is on the list at all, then by key.
            models.Index(fields=("key",), condition=Q(state="IN_FORCE"), name="control_in_force"),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(CONTROL_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=[
                    "key",
                    "reason",
                    "owner_region",
                    "valid_from",
                    "valid_until",
                    "case",
                    "created_by",
                    "created_at",
                ],
            ),
            pgtrigger.Trigger(
                name="approved",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF TG_OP = 'INSERT' AND NEW.state <> 'SUBMITTED' THEN
                        RAISE EXCEPTION 'an entry of the control list starts submitted'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    IF EXISTS (
                        SELECT 1 FROM (VALUES (NEW.approval_id, 'voucher.control'),
                                              (NEW.lift_approval_id, 'voucher.control_lift'))
                                      AS given(id, kind)
                         WHERE given.id IS NOT NULL AND NOT EXISTS (
                            SELECT 1 FROM core_approval a
                             WHERE a.id = given.id AND a.kind = given.kind
                               AND a.state = 'APPROVED' AND a.subject_id = NEW.id::text)) THEN
                        RAISE EXCEPTION 'an entry of the control list needs its own approval'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        )

    def __str__(self) -> str:
        return str(self.key)
