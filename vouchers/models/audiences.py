"""Audiences (定向人群): who may claim what is not for everybody, as lists that were approved.

An audience is a name; what it means at a moment is the newest of its lists in force by then. A list
is a set of identity keys, so whoever enrols later with a number on it is a member, under whatever
pepper that number is hashed by then.
"""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.models import Approval, Job
from core.state_machine import StateMachine
from vouchers.models.persons import KeyKind
from vouchers.states import SNAPSHOT_TRANSITIONS, SnapshotState

_LISTED = (KeyKind.DOCUMENT, KeyKind.MOBILE)
_OPEN = "('CHECKING', 'REFUSED', 'CANCELLED')"
# Locked for the time of the statement, so that no list is frozen between the look and the write.
_WHILE = """
    PERFORM 1 FROM vouchers_audiencesnapshot s
      WHERE s.id IN (SELECT snapshot_id FROM {rows}) ORDER BY s.id FOR SHARE;
    IF EXISTS (SELECT 1 FROM {rows} m
                 LEFT JOIN vouchers_audiencesnapshot s ON s.id = m.snapshot_id
                WHERE s.id IS NULL OR s.state NOT IN {states}) THEN
        RAISE EXCEPTION 'the list of the audience is frozen' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


def _rows(**names: str) -> pgtrigger.Referencing:
    """Name the rows of a statement for its trigger."""
    return pgtrigger.Referencing(**names)  # type: ignore[no-untyped-call]


class Audience(models.Model):
    """A group of people with a name (定向人群); campaigns refer to it by its code."""

    class Kind(models.TextChoices):
        LIST = "LIST", _("名单")
        SEGMENT = "SEGMENT", _("条件筛选")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(_("人群代码"), max_length=40, unique=True)
    name = models.CharField(_("人群名称"), max_length=40)
    kind = models.CharField(_("产生方式"), max_length=7, choices=Kind.choices)
    key_kind = models.CharField(
        _("名单标识"),
        max_length=8,
        choices=[(kind.value, kind.label) for kind in _LISTED],
        default=KeyKind.DOCUMENT,
    )
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("经办人")
    )
    created_at = models.DateTimeField(_("创建时间"))

    class Meta:
        verbose_name = _("定向人群")
        verbose_name_plural = _("定向人群")
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="LIST") | Q(kind="SEGMENT", key_kind="DOCUMENT"),
                name="audience_key_kind",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            # Definitions that were approved repeat the name.
            pgtrigger.Protect(name="frozen", operation=pgtrigger.Update),
        )

    def __str__(self) -> str:
        return self.name


class AudienceSnapshot(models.Model):
    """One list of an audience (名单期次): made from a file or a segment, frozen when approved.

    ``source_sha256`` is the hash of the file, or of the segment's parameters; ``members_sha256``
    that of the members. Claims received from ``in_force_at`` on are decided by it, until the next.
    """

    class Mode(models.TextChoices):
        REPLACE = "REPLACE", _("全量")
        ADD = "ADD", _("增补")
        REMOVE = "REMOVE", _("剔除")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    audience = models.ForeignKey(
        Audience, models.PROTECT, related_name="snapshots", verbose_name=_("定向人群")
    )
    number = models.PositiveIntegerField(_("期次"))
    mode = models.CharField(_("更新方式"), max_length=7, choices=Mode.choices, default=Mode.REPLACE)
    base = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("基于期次"),
    )
    name = models.CharField(_("名单文件或条件"), max_length=120)
    segment = models.CharField(_("筛选条件"), max_length=20, blank=True)
    parameters = models.JSONField(_("筛选参数"), default=dict, blank=True)
    source_sha256 = models.CharField(_("文件或参数摘要（SHA-256）"), max_length=64)
    members_sha256 = models.CharField(_("成员摘要（SHA-256）"), max_length=64, blank=True)
    rows = models.PositiveIntegerField(_("名单行数"), default=0)
    members = models.PositiveIntegerField(_("成员数"), default=0)
    state = models.CharField(
        _("状态"), max_length=9, choices=SnapshotState.choices, default=SnapshotState.CHECKING
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
    created_at = models.DateTimeField(_("创建时间"))
    in_force_at = models.DateTimeField(_("生效时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("人群名单")
        verbose_name_plural = _("人群名单")
        ordering = ("-created_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("audience", "number"), name="audience_snapshot_number"),
            models.CheckConstraint(
                condition=Q(state="APPROVED", in_force_at__isnull=False, approval__isnull=False)
                | (~Q(state="APPROVED") & Q(in_force_at__isnull=True)),
                name="audience_snapshot_approved",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("CHECKING", "REFUSED")) | Q(members__gte=1),
                name="audience_snapshot_members",
            ),
            models.CheckConstraint(
                condition=Q(mode="REPLACE", base__isnull=True)
                | (~Q(mode="REPLACE") & Q(base__isnull=False)),
                name="audience_snapshot_base",
            ),
        )
        indexes = (
            models.Index(
                F("audience"),
                F("in_force_at").desc(),
                condition=Q(state="APPROVED"),
                name="audience_in_force",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="born_unchecked",
                operation=pgtrigger.Insert,
                condition=~pgtrigger.Q(new__state="CHECKING"),
            ),
            StateMachine(SNAPSHOT_TRANSITIONS),
            pgtrigger.ReadOnly(
                name="frozen",
                fields=[
                    "audience",
                    "number",
                    "mode",
                    "base",
                    "name",
                    "segment",
                    "parameters",
                    "source_sha256",
                    "owner_region",
                    "created_by",
                    "created_at",
                ],
            ),
            pgtrigger.Protect(
                name="counted_once",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="CHECKING")
                & (
                    pgtrigger.Q(old__rows__df=pgtrigger.F("new__rows"))
                    | pgtrigger.Q(old__members__df=pgtrigger.F("new__members"))
                    | pgtrigger.Q(old__members_sha256__df=pgtrigger.F("new__members_sha256"))
                ),
            ),
            pgtrigger.Protect(
                name="approved_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="APPROVED"),
            ),
            pgtrigger.Trigger(
                name="in_order",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(new__state="APPROVED"),
                func="""
                    PERFORM 1 FROM vouchers_audience WHERE id = NEW.audience_id FOR NO KEY UPDATE;
                    IF EXISTS (SELECT 1 FROM vouchers_audiencesnapshot s
                                WHERE s.audience_id = NEW.audience_id AND s.state = 'APPROVED'
                                  AND (s.number >= NEW.number
                                       OR s.in_force_at >= NEW.in_force_at)) THEN
                        RAISE EXCEPTION 'a newer list of the audience is in force'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        )

    def __str__(self) -> str:
        return _("%(audience)s 第 %(number)s 期") % {
            "audience": self.audience.name,
            "number": self.number,
        }


class AudienceMember(models.Model):
    """An identity key on a list; never changed, and gone only with a list that came to nothing."""

    pk = models.CompositePrimaryKey("snapshot_id", "key_id")
    snapshot_id = models.UUIDField(_("人群名单"))
    key_id = models.BigIntegerField(_("身份标识"))

    class Meta:
        verbose_name = _("人群成员")
        verbose_name_plural = _("人群成员")
        triggers = (
            pgtrigger.Protect(name="no_update", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="while_checked",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                referencing=_rows(new="added"),
                func=_WHILE.format(rows="added", states="('CHECKING')"),
            ),
            pgtrigger.Trigger(
                name="given_up",
                when=pgtrigger.After,
                operation=pgtrigger.Delete,
                level=pgtrigger.Statement,
                referencing=_rows(old="gone"),
                func=_WHILE.format(rows="gone", states=_OPEN),
            ),
        )

    def __str__(self) -> str:
        return f"{self.snapshot_id} · {self.key_id}"
