"""Events written in the business transaction; done when each consumer has acknowledged them."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.state_machine import StateMachine


class OutboxEvent(models.Model):
    """What happened, for consumers of upper rooms (and later webhooks)."""

    event_id = models.UUIDField(_("事件编号"), unique=True)
    topic = models.CharField(_("主题"), max_length=60)
    aggregate_type = models.CharField(_("对象类型"), max_length=40)
    aggregate_id = models.CharField(_("对象"), max_length=40)
    payload = models.JSONField(_("内容"), default=dict)
    at = models.DateTimeField(_("业务时间"))
    recorded_at = models.DateTimeField(_("记录时间"))

    class Meta:
        verbose_name = _("发件箱事件")
        verbose_name_plural = _("发件箱事件")
        ordering = ("pk",)
        triggers = (
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.topic} {self.aggregate_id}"


class Delivery(models.Model):
    """One consumer's copy of an event: pending, retried, acknowledged, or parked."""

    class State(models.TextChoices):
        PENDING = "PENDING", _("待处理")
        ACKNOWLEDGED = "ACKNOWLEDGED", _("已确认")
        PARKED = "PARKED", _("已搁置")

    event = models.ForeignKey(
        OutboxEvent, models.PROTECT, related_name="deliveries", verbose_name=_("事件")
    )
    consumer = models.CharField(_("消费者"), max_length=60)
    state = models.CharField(_("状态"), max_length=12, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(_("尝试次数"), default=0)
    run_at = models.DateTimeField(_("下次处理（实时）"))
    acknowledged_at = models.DateTimeField(_("确认时间"), null=True, blank=True)
    last_error = models.TextField(_("最近错误"), blank=True)

    class Meta:
        verbose_name = _("事件投递")
        verbose_name_plural = _("事件投递")
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=("event", "consumer"), name="delivery_once"),)
        indexes = (
            models.Index(fields=("run_at",), condition=Q(state="PENDING"), name="delivery_due"),
        )
        triggers = (
            StateMachine(
                [
                    ("PENDING", "ACKNOWLEDGED"),
                    ("PENDING", "PARKED"),
                    ("PARKED", "PENDING"),
                ]
            ),
        )

    def __str__(self) -> str:
        return f"{self.event.topic} → {self.consumer}"
