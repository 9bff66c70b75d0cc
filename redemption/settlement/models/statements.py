"""Statements and daily sheets that were written: who they are for, their totals, their file."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, Funder
from core.ids import new_id
from core.models import JobFile
from merchants.models import Acquirer


class Statement(models.Model):
    """One statement file; a later run for the same subject and day makes the next edition."""

    class Kind(models.TextChoices):
        ACQUIRER = "ACQUIRER", _("收单机构结算单")
        FUNDER = "FUNDER", _("出资方结算单")
        CONCESSION = "CONCESSION", _("商户让利备查单")
        REDEEMED = "REDEEMED", _("核销明细")
        REFUNDED = "REFUNDED", _("退款明细")
        DAILY = "DAILY", _("日报")
        BRIDGE = "BRIDGE", _("自然日与账务日期核对表")
        CAMPAIGN = "CAMPAIGN", _("活动战报")

    class Form(models.TextChoices):
        XLSX = "XLSX", "XLSX"
        CSV = "CSV", "CSV"
        HTML = "HTML", "HTML"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("种类"), max_length=10, choices=Kind.choices)
    form = models.CharField(_("格式"), max_length=4, choices=Form.choices)
    campaign = models.ForeignKey(Campaign, models.PROTECT, verbose_name=_("活动"))
    acquirer = models.ForeignKey(
        Acquirer, models.PROTECT, null=True, blank=True, verbose_name=_("收单机构")
    )
    funder = models.ForeignKey(
        Funder, models.PROTECT, null=True, blank=True, verbose_name=_("出资方")
    )
    business_date = models.DateField(_("日期"))
    edition = models.PositiveSmallIntegerField(_("版次"), default=1)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    row_count = models.PositiveIntegerField(_("行数"), default=0)
    totals = models.JSONField(_("控制合计"), default=dict)
    file = models.OneToOneField(JobFile, models.PROTECT, verbose_name=_("文件"))
    created_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("结算单与报表")
        verbose_name_plural = _("结算单与报表")
        ordering = ("-business_date", "-created_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "kind",
                    "form",
                    "campaign",
                    "acquirer",
                    "funder",
                    "business_date",
                    "edition",
                ),
                nulls_distinct=False,
                name="statement_edition",
            ),
            models.CheckConstraint(condition=Q(edition__gte=1), name="statement_edition_from_1"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.business_date}"
