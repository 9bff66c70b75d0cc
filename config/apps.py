"""The wiring app: registers the deploy checks and the rooms' hooks."""

from django.apps import AppConfig

from config.celery import app as celery_app


class ConfigConfig(AppConfig):
    """Loads last, when every room below is ready."""

    name = "config"
    label = "config"
    verbose_name = "配置"
    # Loaded with Django, so that a task sent from any process finds the broker.
    celery_app = celery_app

    def ready(self) -> None:
        """Register system checks and the directory; models must be loaded before these imports."""
        from config import checks  # noqa: F401, PLC0415
        from config.directory import directory_fill  # noqa: PLC0415

        directory_fill()
