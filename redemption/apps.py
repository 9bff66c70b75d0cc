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
        from core.jobs.schedules import tick_job_register  # noqa: PLC0415
        from redemption.dashboard.snapshot import SNAPSHOT_JOB  # noqa: PLC0415
        from redemption.history import history_register  # noqa: PLC0415
        from redemption.settlement.wiring import settlement_register  # noqa: PLC0415
        from redemption.wiring import redemption_register  # noqa: PLC0415

        redemption_register()
        tick_job_register(SNAPSHOT_JOB)
        history_register()
        settlement_register()
