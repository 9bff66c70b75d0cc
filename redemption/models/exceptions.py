"""The exceptions list: what a person has to look at, with an owner and what was done."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.state_machine import StateMachine


class ExceptionItem(models.Model):
    """A late confirm, a returned payout, a parked message …: open until somebody resolves it."""

    class Kind(models.TextChoices):
        LATE_CONFIRM = "LATE_CONFIRM", _("超时后到达的核销")
        PAYOUT_RETURNED = "PAYOUT_RETURNED", _("划付退汇")
        PARKED_MESSAGE = "PARKED_MESSAGE", _("搁置的消息")
        RETURN_USED = "RETURN_USED", _("消费已退而返券已用")
        MISSING_FILE = "MISSING_FILE", _("对账文件缺失")

    class State(models.TextChoices):
        OPEN = "OPEN", _("待处理")
        RESOLVED = "RESOLVED", _("已处理")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("类型"), max_length=16, choices=Kind.choices)
    subject_id = models.CharField(_("对象"), max_length=80)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    amount_fen = models.BigIntegerField(_("涉及金额（分）"), default=0)
    data = models.JSONField(_("内容"), default=dict)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("负责人"),
    )
    state = models.CharField(_("状态"), max_length=8, choices=State.choices, default=State.OPEN)
    resolution = models.TextField(_("处理结果"), blank=True)
    opened_at = models.DateTimeField(_("发现时间"))
    resolved_at = models.DateTimeField(_("处理时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("异常事项")
        verbose_name_plural = _("异常事项")
        ordering = ("-opened_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("kind", "subject_id"), name="exception_item_once"),
            models.CheckConstraint(
                condition=Q(state="OPEN", resolved_at__isnull=True)
                | (Q(state="RESOLVED", resolved_at__isnull=False) & ~Q(resolution="")),
                name="exception_item_resolved",
            ),
        )
        triggers = (StateMachine([("OPEN", "RESOLVED")]),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.subject}"

    @property
    def subject(self) -> str:
        """What it is about, in words: an order, a payout and its attempt, a file's day."""
        number, _colon, attempt = self.subject_id.rpartition(":")
        match self.kind:
            case self.Kind.LATE_CONFIRM:
                return _("订单 %(number)s") % {"number": self.data.get("order_no", "")}
            case self.Kind.PAYOUT_RETURNED:
                return _("划付 %(number)s 第 %(attempt)s 次发送") % {
                    "number": number,
                    "attempt": attempt,
                }
            case self.Kind.RETURN_USED:
                return _("券批次 %(batch)s") % {"batch": self.data.get("batch", "")}
            case self.Kind.MISSING_FILE:
                return _("%(acquirer)s %(day)s 的对账文件") % {
                    "acquirer": self.data.get("acquirer", number),
                    "day": attempt,
                }
            case _kind:
                return self.subject_id
