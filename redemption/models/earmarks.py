"""The unused rest of a face whose voucher was used: money that is kept for it until its end."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import to_public
from core.models import Entry
from redemption.models.redemptions import Redemption, RedemptionLine
from vouchers.models import Batch


class Earmark(models.Model):
    """What a confirmed voucher has not used of its face, per funder in the batch's order.

    Written by the confirm. Ended once, by whatever comes first: the voucher returns with its whole
    face or ends (a cancel or refund), or its own validity does (`earmarks_return`); the entry
    says which.
    """

    line = models.OneToOneField(
        RedemptionLine,
        models.PROTECT,
        primary_key=True,
        db_constraint=False,
        verbose_name=_("核销明细"),
    )
    redemption = models.ForeignKey(
        Redemption,
        models.PROTECT,
        db_constraint=False,
        related_name="earmarks",
        verbose_name=_("核销单"),
    )
    batch = models.ForeignKey(
        Batch, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("券批次")
    )
    valid_until = models.DateTimeField(_("保留至（不含）"))
    parts = ArrayField(models.BigIntegerField(), verbose_name=_("各方出资（分）"))
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    entry = models.ForeignKey(
        Entry,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        verbose_name=_("结束的记账凭证"),
    )

    class Meta:
        verbose_name = _("已用券保留余额")
        verbose_name_plural = _("已用券保留余额")
        ordering = ("line",)
        constraints = (
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, entry__isnull=True)
                | Q(ended_at__isnull=False, entry__isnull=False),
                name="redemption_earmark_ended",
            ),
        )
        indexes = (
            models.Index(
                fields=("valid_until", "batch"),
                condition=Q(ended_at__isnull=True),
                name="redemption_earmark_due",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="ends_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
            pgtrigger.ReadOnly(
                name="frozen", fields=["line", "redemption", "batch", "valid_until", "parts"]
            ),
        )

    def __str__(self) -> str:
        return to_public("rdm", self.redemption_id)
