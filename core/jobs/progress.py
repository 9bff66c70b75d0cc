"""Progress of a job, visible at once, even while the work itself is one long transaction."""

import time
from contextlib import closing, suppress
from uuid import UUID

from django.db import OperationalError, connections

from core.transactions import transaction_is_open

SAVE_EVERY_S = 0.5
_UPDATE = "UPDATE core_job SET done = %s, total = %s, message = %s WHERE id = %s"


class Progress:
    """Counts what a runner has done and writes it to the job at most twice a second."""

    def __init__(self, job_id: UUID) -> None:
        """Start at 0 of 0."""
        self.job_id = job_id
        self.done = 0
        self.total = 0
        self.message = ""
        self._saved_at = float("-inf")

    def start(self, total: int, message: str = "") -> None:
        """Say how much there is to do, and what; begins a new count."""
        self.done, self.total, self.message = 0, total, message
        self.save()

    def advance(self, count: int = 1) -> None:
        """Count work done."""
        self.done += count
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the present count, on a connection of its own inside a transaction."""
        values = (self.done, self.total, self.message, self.job_id)
        if transaction_is_open():
            self._save_aside(values)
        else:
            with connections["default"].cursor() as cursor:
                cursor.execute(_UPDATE, values)
        self._saved_at = time.monotonic()

    @staticmethod
    def _save_aside(values: tuple[int, int, str, UUID]) -> None:
        with closing(connections.create_connection("default")) as aside, aside.cursor() as cursor:
            # Progress never waits for the work it describes, nor fails it.
            cursor.execute("SET lock_timeout = 200")
            with suppress(OperationalError):
                cursor.execute(_UPDATE, values)
