"""Application configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VouchersConfig(AppConfig):
    """Room ``vouchers`` of the house (docs/architecture.md)."""

    name = "vouchers"
    verbose_name = _("消费券")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the room's parts; models must be loaded before this import."""
        from vouchers.wiring import vouchers_register  # noqa: PLC0415

        vouchers_register()
