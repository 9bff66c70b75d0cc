"""The audit log: events are written with the change they record, one writer chains them by hash."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.passages import moment_words


class AuditEvent(models.Model):
    """What a person or the system did, with old and new values; append-only."""

    at = models.DateTimeField(_("业务时间"))
    recorded_at = models.DateTimeField(_("记录时间"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("操作人"),
    )
    action = models.CharField(_("操作"), max_length=60)
    subject_type = models.CharField(_("对象类型"), max_length=40)
    subject_id = models.CharField(_("对象"), max_length=40)
    owner_region = models.CharField(_("归属地区"), max_length=6, blank=True, db_index=True)
    reason = models.TextField(_("理由"), blank=True)
    data = models.JSONField(_("内容"), default=dict)

    class Meta:
        verbose_name = _("审计事件")
        verbose_name_plural = _("审计事件")
        ordering = ("-pk",)
        indexes = (models.Index(fields=("subject_type", "subject_id"), name="audit_subject"),)
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"#{self.pk} · {moment_words(self.at)}"


class AuditLink(models.Model):
    """A link of the hash chain: over one audit event, or a digest of an interval of postings."""

    seq = models.BigIntegerField(_("序号"), primary_key=True)
    event = models.OneToOneField(
        AuditEvent, models.PROTECT, null=True, blank=True, verbose_name=_("审计事件")
    )
    # Record order, not time: a late tick books with the time of its slot.
    postings_until = models.BigIntegerField(_("分录截至编号"), null=True, blank=True)
    digest = models.CharField(_("内容摘要"), max_length=64)
    previous = models.CharField(_("前一摘要"), max_length=64)
    chained = models.CharField(_("链摘要"), max_length=64)

    class Meta:
        verbose_name = _("审计链")
        verbose_name_plural = _("审计链")
        ordering = ("-seq",)
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"#{self.seq}"
