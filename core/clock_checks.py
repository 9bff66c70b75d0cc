"""System check: production does not start on a database whose business clock was moved."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections

from core.clock import clock_state


@register(Tags.database)
def moved_clock_check(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Report a moved clock where the settings do not allow it (a rehearsal's database)."""
    del app_configs
    if settings.XFQ_CLOCK_MOVABLE or "default" not in (databases or ()):
        return []
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT moved FROM core_businessclock WHERE id = 1")
            row = cursor.fetchone()
    except DatabaseError:
        return []  # not migrated yet, or not reachable: other checks say so
    if row and row[0]:
        return [
            Error(
                "the business clock of this database was moved",
                id="xfq.E010",
                hint="it belongs to a rehearsal; use another database",
            )
        ]
    return []


def moved_clock_refuse() -> None:
    """Keep a process from starting on a moved clock; called where web, worker and beat begin.

    A database that cannot be reached yet is no reason: reading the clock checks it again.

    Raises:
        ImproperlyConfigured: the clock was moved and the settings refuse that.
    """
    try:
        with suppress(DatabaseError):
            clock_state()
    finally:
        # Whatever forks after this must not share the connection.
        connections["default"].close()
