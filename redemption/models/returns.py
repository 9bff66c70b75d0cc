"""Return vouchers (消费返券): which purchase each was given for, and what became of it."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id, to_public
from core.state_machine import StateMachine
from vouchers.models import Batch, Enrolment


class Reward(models.Model):
    """A purchase that met the trigger of a batch, decided once: a voucher, or why there is none.

    ``from_fen`` is what has to be left of the order, as the batch's rules said then. Once a refund
    has left less (``reversed_at``) an unused voucher is void and a used one is flagged.
    """

    class Source(models.TextChoices):
        REDEMPTION = "REDEMPTION", _("核销")
        TRANSACTION = "TRANSACTION", _("商户交易")

    class State(models.TextChoices):
        ISSUED = "ISSUED", _("已返券")
        REFUSED = "REFUSED", _("未返券")
        VOIDED = "VOIDED", _("已收回")
        FLAGGED = "FLAGGED", _("已用待核")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.CharField(_("来源"), max_length=11, choices=Source.choices)
    source_id = models.UUIDField(_("来源单"))
    batch = models.ForeignKey(
        Batch, models.PROTECT, related_name="rewards", verbose_name=_("券批次")
    )
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="+", verbose_name=_("渠道用户")
    )
    claim_id = models.UUIDField(_("领取记录"), null=True, blank=True, unique=True)
    state = models.CharField(_("状态"), max_length=8, choices=State.choices)
    refusals = models.JSONField(_("未返原因"), default=list)
    order_fen = models.BigIntegerField(_("订单金额（分）"))
    from_fen = models.BigIntegerField(_("返券起点（分）"))
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    at = models.DateTimeField(_("返券时间"))
    reversed_at = models.DateTimeField(_("消费退款时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("消费返券")
        verbose_name_plural = _("消费返券")
        ordering = ("-at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("source", "source_id", "batch"), name="reward_once_per_purchase"
            ),
            models.CheckConstraint(
                condition=Q(state="REFUSED", claim_id__isnull=True, reversed_at__isnull=True)
                | Q(state="ISSUED", claim_id__isnull=False)
                | Q(
                    state__in=("VOIDED", "FLAGGED"),
                    claim_id__isnull=False,
                    reversed_at__isnull=False,
                ),
                name="reward_state",
            ),
        )
        indexes = (
            models.Index(
                fields=("reversed_at",),
                condition=Q(reversed_at__isnull=False, state__in=("ISSUED", "FLAGGED")),
                name="reward_reversed",
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine([("ISSUED", "VOIDED"), ("ISSUED", "FLAGGED"), ("FLAGGED", "VOIDED")]),
            pgtrigger.ReadOnly(name="facts_frozen", exclude=["state", "reversed_at"]),
        )

    def __str__(self) -> str:
        prefix = "rdm" if self.source == self.Source.REDEMPTION else "txn"
        return f"{self.get_source_display()} {to_public(prefix, self.source_id)}"
