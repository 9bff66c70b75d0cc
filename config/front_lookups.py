"""Credentials for the front: read outside the event loop, strangers apart from known clients."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from core.access.credentials import MAX_KEPT, Credentials, credentials_kept, credentials_of
from core.commit.batcher import OverloadedError
from core.commit.groups import call_connected

MOST_STRANGERS: Final = 64
"""Reads under way for keys never seen here; made-up keys must not queue up without end."""
PATIENCE_S: Final = 5.0


class Lookups:
    """Keys found before are read by a thread of their own, which strangers cannot keep busy."""

    def __init__(self) -> None:
        """Nothing is read before the first request."""
        self._known = ThreadPoolExecutor(1, thread_name_prefix="known-keys")
        self._strange = ThreadPoolExecutor(1, thread_name_prefix="strange-keys")
        self._found: set[str] = set()
        self._reading: dict[str, asyncio.Future[Credentials | None]] = {}
        self._strangers = 0

    async def credentials(self, key_id: str) -> Credentials | None:
        """Return the credentials of a key: those kept, or read once for all who wait.

        Raises:
            OverloadedError: too many strangers ask, or the database does not answer.
        """
        kept = credentials_kept(key_id)
        if kept is not None:
            return kept
        reading = self._reading.get(key_id)
        if reading is None:
            threads = self._known if key_id in self._found else self._strange
            reading = asyncio.ensure_future(self._ask(threads, key_id))
            self._reading[key_id] = reading
            reading.add_done_callback(lambda done: self._read(key_id, done))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.shield(reading)
        except TimeoutError as error:
            raise OverloadedError from error

    async def _ask(self, threads: ThreadPoolExecutor, key_id: str) -> Credentials | None:
        strange = threads is self._strange
        if strange and self._strangers >= MOST_STRANGERS:
            raise OverloadedError
        self._strangers += strange
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(threads, call_connected, credentials_of, key_id)
        finally:
            self._strangers -= strange

    def _read(self, key_id: str, done: "asyncio.Future[Credentials | None]") -> None:
        self._reading.pop(key_id, None)
        if done.cancelled() or done.exception() is not None:
            return
        if done.result() is None:
            self._found.discard(key_id)
        elif len(self._found) < MAX_KEPT:
            self._found.add(key_id)
