"""Application configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RedemptionConfig(AppConfig):
    """Room ``redemption`` of the house (docs/architecture.md)."""

    name = "redemption"
    verbose_name = _("核销与结算")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what this room adds; models must be loaded before these imports."""
        from redemption.settlement.setup import settlement_register  # noqa: PLC0415

        settlement_register()
