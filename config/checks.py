"""Deploy checks: what Django's own `check --deploy` does not know about this project."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config.settings import demo_values
from config.settings.keys import versioned_keys


@register(Tags.security, deploy=True)
def demo_secrets_check(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse secrets that are printed in the source of the demonstration."""
    del app_configs, kwargs
    findings: list[CheckMessage] = []
    if settings.SECRET_KEY == demo_values.SECRET_KEY:
        findings.append(
            Error(
                "SECRET_KEY is the public demonstration value", id="xfq.E001", hint="set SECRET_KEY"
            )
        )
    for name, demo in [
        ("XFQ_PEPPERS", demo_values.PEPPERS),
        ("XFQ_SECRET_KEYS", demo_values.SECRET_KEYS),
    ]:
        public = set(versioned_keys(name, demo).values())
        if public & set(getattr(settings, name).values()):
            findings.append(
                Error(
                    f"{name} holds a public demonstration value", id="xfq.E002", hint=f"set {name}"
                )
            )
    return findings


@register(Tags.security, deploy=True)
def database_roles_check(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn when processes and migrations share one database role.

    The owner of a table can always change it, so the append-only guarantees then rest on
    triggers alone.
    """
    del app_configs, kwargs
    roles = {alias: settings.DATABASES[alias].get("USER") for alias in ("default", "owner")}
    if roles["default"] == roles["owner"]:
        return [
            Warning(
                "one database role for processes and migrations",
                id="xfq.W001",
                hint="set DATABASE_OWNER_URL to the owner role and DATABASE_URL to the app role",
            )
        ]
    return []
