"""Payment codes (付款码): short-lived, stored as hashes, used once, by a hold or a purchase."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.models import Client
from core.passages import moment_words
from vouchers.models import Enrolment, Voucher


class PaymentCode(models.Model):
    """A 60 s code bound to person and device, pinned to one voucher if the request named one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code_hash = models.CharField(_("付款码摘要"), max_length=64, unique=True, editable=False)
    numeric_hash = models.CharField(_("数字码摘要"), max_length=64, unique=True, editable=False)
    client = models.ForeignKey(
        Client, models.PROTECT, db_constraint=False, db_index=False, verbose_name=_("渠道")
    )
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, db_constraint=False, verbose_name=_("渠道用户")
    )
    voucher = models.ForeignKey(
        Voucher,
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        verbose_name=_("指定消费券"),
    )
    device_key_id = models.BigIntegerField(_("设备标识"), null=True, blank=True)
    created_at = models.DateTimeField(_("生成时间"))
    expires_at = models.DateTimeField(_("失效时间（不含）"))
    used_at = models.DateTimeField(_("使用时间"), null=True, blank=True)
    redemption_id = models.UUIDField(_("核销单"), null=True, blank=True)
    transaction_id = models.UUIDField(_("商户交易"), null=True, blank=True)
    """Of a purchase without a voucher (`merchants.Transaction`)."""

    class Meta:
        verbose_name = _("付款码")
        verbose_name_plural = _("付款码")
        ordering = ("-created_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="payment_code_life"
            ),
            models.CheckConstraint(
                condition=Q(
                    used_at__isnull=True, redemption_id__isnull=True, transaction_id__isnull=True
                )
                | Q(used_at__isnull=False, redemption_id__isnull=False, transaction_id__isnull=True)
                | Q(
                    used_at__isnull=False, redemption_id__isnull=True, transaction_id__isnull=False
                ),
                name="payment_code_used_by",
            ),
        )

    def __str__(self) -> str:
        return moment_words(self.created_at)
