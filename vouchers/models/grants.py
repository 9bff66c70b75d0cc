"""Grants (定向发放): a list of people who get one voucher each, approved by a second person."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.models import Approval, Client, Job
from core.state_machine import StateMachine
from vouchers.models.batches import Batch
from vouchers.states import GRANT_TRANSITIONS, GrantState


class Grant(models.Model):
    """A list of a channel's accounts for one batch; the people lie in its chunks."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        Batch, models.PROTECT, related_name="grants", verbose_name=_("券批次")
    )
    client = models.ForeignKey(Client, models.PROTECT, verbose_name=_("渠道"))
    name = models.CharField(_("名单文件"), max_length=120)
    file_sha256 = models.CharField(_("文件摘要（SHA-256）"), max_length=64)
    people_sha256 = models.CharField(_("人员摘要（SHA-256）"), max_length=64, blank=True)
    rows = models.PositiveIntegerField(_("名单行数"), default=0)
    people = models.PositiveIntegerField(_("有效人数"), default=0)
    granted = models.PositiveIntegerField(_("已发放人数"), default=0)
    refused = models.PositiveIntegerField(_("未发放人数"), default=0)
    state = models.CharField(
        _("状态"), max_length=9, choices=GrantState.choices, default=GrantState.CHECKING
    )
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("经办人")
    )
    approval = models.OneToOneField(
        Approval, models.PROTECT, null=True, blank=True, verbose_name=_("审批")
    )
    check_job = models.OneToOneField(
        Job, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("校验任务")
    )
    job = models.OneToOneField(
        Job, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("发放任务")
    )
    created_at = models.DateTimeField(_("创建时间"))
    finished_at = models.DateTimeField(_("完成时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("定向发放")
        verbose_name_plural = _("定向发放")
        ordering = ("-created_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(people__lte=F("rows")) & Q(people__gte=F("granted") + F("refused")),
                name="grant_counters",
            ),
            # A list of which nobody got anything (a pause, a campaign over) may be sent again.
            models.UniqueConstraint(
                fields=("batch", "client", "people_sha256"),
                condition=~Q(state__in=("CHECKING", "REFUSED", "CANCELLED"))
                & ~Q(state="DONE", granted=0),
                name="grant_list_once",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(GRANT_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=["batch", "client", "file_sha256", "owner_region", "created_by"],
            ),
        )

    def __str__(self) -> str:
        return self.name


class GrantChunk(models.Model):
    """Some people of a grant, decided in one call; what became of each is in ``refused``.

    ``people`` and ``lines`` (rows of the file) go by position. ``refused`` holds the positions,
    counted from 0, by code; a person may have several. Whoever is in none of them was granted.
    """

    grant = models.ForeignKey(
        Grant, models.PROTECT, related_name="chunks", verbose_name=_("定向发放")
    )
    number = models.PositiveIntegerField(_("分段号"))
    size = models.PositiveIntegerField(_("人数"))
    lines = ArrayField(models.IntegerField(), verbose_name=_("行号"))
    people = ArrayField(models.UUIDField(), verbose_name=_("渠道用户"))
    granted = models.PositiveIntegerField(_("已发放人数"), default=0)
    refused = models.JSONField(_("未发放"), default=dict)
    decided_at = models.DateTimeField(_("发放时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("发放分段")
        verbose_name_plural = _("发放分段")
        ordering = ("grant", "number")
        constraints = (
            models.UniqueConstraint(fields=("grant", "number"), name="grant_chunk_once"),
            models.CheckConstraint(
                condition=Q(size__gte=1)
                & Q(granted__lte=F("size"))
                & Q(people__len=F("size"))
                & Q(lines__len=F("size")),
                name="grant_chunk_size",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="frozen", fields=["grant", "number", "size", "lines", "people"]
            ),
            pgtrigger.Trigger(
                name="while_checked",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("grant_state", "text")],
                func="""
                    SELECT state INTO grant_state FROM vouchers_grant WHERE id = NEW.grant_id;
                    IF grant_state <> 'CHECKING' THEN
                        RAISE EXCEPTION 'the list is frozen: state %', grant_state
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(
                name="decided_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__decided_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.grant} · {self.number}"
