"""What claims and uses count on: limits per key, and caps of all people together."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign


class Limit(models.Model):
    """The identity of a limit; how many it allows is in the frozen rules of each batch."""

    class Side(models.TextChoices):
        CLAIM = "CLAIM", _("领取")
        REDEMPTION = "REDEMPTION", _("核销")
        CAP = "CAP", _("投放上限")

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="limits", verbose_name=_("活动")
    )
    code = models.CharField(_("限制代码"), max_length=80)
    side = models.CharField(_("环节"), max_length=10, choices=Side.choices)

    class Meta:
        verbose_name = _("限领限用规则")
        verbose_name_plural = _("限领限用规则")
        ordering = ("campaign", "code")
        constraints = (models.UniqueConstraint(fields=("campaign", "code"), name="limit_code"),)
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.code


class CapUse(models.Model):
    """How much of a cap all people together have claimed in one day or week.

    ``most_units`` and ``most_fen`` are the cap as the last claim knew it, None where there is none.
    """

    pk = models.CompositePrimaryKey("limit_id", "window_start")
    limit_id = models.BigIntegerField(_("上限"))
    window_start = models.DateTimeField(_("窗口起点"))
    window_end = models.DateTimeField(_("窗口终点"))
    used_units = models.BigIntegerField(_("已领份数"), default=0)
    used_fen = models.BigIntegerField(_("已领金额（分）"), default=0)
    most_units = models.BigIntegerField(_("份数上限"), null=True, blank=True)
    most_fen = models.BigIntegerField(_("金额上限（分）"), null=True, blank=True)

    class Meta:
        verbose_name = _("投放上限使用")
        verbose_name_plural = _("投放上限使用")
        constraints = (
            models.CheckConstraint(
                condition=Q(used_units__gte=0)
                & Q(used_fen__gte=0)
                & (Q(most_units__isnull=True) | Q(used_units__lte=F("most_units")))
                & (Q(most_fen__isnull=True) | Q(used_fen__lte=F("most_fen"))),
                name="cap_use_within_cap",
            ),
            models.CheckConstraint(
                condition=Q(window_end__gt=F("window_start")), name="cap_use_window"
            ),
        )

    def __str__(self) -> str:
        return f"{self.limit_id} {self.used_units}/{self.most_units}"


class LimitUse(models.Model):
    """How much of a limit one key has used in one window."""

    pk = models.CompositePrimaryKey("limit_id", "window_start", "key_id")
    limit_id = models.BigIntegerField(_("限制"))
    window_start = models.DateTimeField(_("窗口起点"))
    key_id = models.BigIntegerField(_("身份标识"))
    used = models.IntegerField(_("已用次数"))
    cap = models.IntegerField(_("上限"))

    class Meta:
        verbose_name = _("限额使用")
        verbose_name_plural = _("限额使用")
        constraints = (
            models.CheckConstraint(
                condition=Q(used__gte=0) & Q(used__lte=F("cap")), name="limit_use_within_cap"
            ),
        )

    def __str__(self) -> str:
        return f"{self.limit_id} {self.used}/{self.cap}"
