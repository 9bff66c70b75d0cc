"""Application configuration of the kernel."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """The kernel: knows no domain app."""

    name = "core"
    verbose_name = _("平台内核")
    default_auto_field = "django.db.models.BigAutoField"
