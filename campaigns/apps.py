"""Application configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    """Room ``campaigns`` of the house (docs/architecture.md)."""

    name = "campaigns"
    verbose_name = _("活动")
    default_auto_field = "django.db.models.BigAutoField"
