"""Application configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MerchantsConfig(AppConfig):
    """Room ``merchants`` of the house (docs/architecture.md)."""

    name = "merchants"
    verbose_name = _("商户")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register kinds of jobs; models must be loaded before these imports."""
        from merchants import states  # noqa: F401, PLC0415
        from merchants.jobs import register  # noqa: PLC0415

        register()
