"""Application configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    """Room ``campaigns`` of the house (docs/architecture.md)."""

    name = "campaigns"
    verbose_name = _("活动")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register approvals and schedules; models must be loaded before this import."""
        from campaigns.wiring import campaigns_register  # noqa: PLC0415

        campaigns_register()
