"""Application configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RedemptionConfig(AppConfig):
    """Room ``redemption`` of the house (docs/architecture.md)."""

    name = "redemption"
    verbose_name = _("核销与结算")
    default_auto_field = "django.db.models.BigAutoField"
