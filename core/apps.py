"""Application configuration of the kernel."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """The kernel: knows no domain app."""

    name = "core"
    verbose_name = _("平台管理")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks and schedules; models must be loaded before these imports."""
        from core import clock_checks  # noqa: F401, PLC0415
        from core.wiring import kernel_register  # noqa: PLC0415

        kernel_register()
