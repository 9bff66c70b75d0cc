"""What happens when: events in order of business time, the work of one moment done side by side."""

import heapq
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime

from django.db import close_old_connections

Deed = Callable[[], None]


@dataclass(slots=True)
class Agenda:
    """Deeds by moment; a deed may put further ones on the agenda, now or later."""

    threads: int
    _moments: list[datetime] = field(default_factory=list)
    _deeds: dict[datetime, list[Deed]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    # Kept from moment to moment: each thread has a connection to the database of its own.
    _pool: ThreadPoolExecutor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the threads; they start when there is something to do."""
        self._pool = ThreadPoolExecutor(self.threads)

    def add(self, at: datetime, deed: Deed) -> None:
        """Do ``deed`` at ``at``; order among the deeds of one moment is not promised."""
        with self._lock:
            if at not in self._deeds:
                heapq.heappush(self._moments, at)
            self._deeds[at].append(deed)

    def next_moment(self) -> datetime | None:
        """Return the next moment with something to do."""
        return self._moments[0] if self._moments else None

    def play_next(self, done: Callable[[], None]) -> None:
        """Do everything of the next moment in threads; ``done`` is called after each deed.

        What a deed adds for the same moment is done before this returns. The first exception of
        a deed is raised once all have ended.
        """
        moment = self._moments[0]
        while self._deeds[moment]:
            deeds, self._deeds[moment] = self._deeds[moment], []
            futures = [self._pool.submit(_in_thread, deed) for deed in deeds]
            for _ in as_completed(futures):
                done()
            for future in futures:
                future.result()
        heapq.heappop(self._moments)
        del self._deeds[moment]

    def close(self) -> None:
        """End the threads; what has not begun is not done."""
        self._pool.shutdown(cancel_futures=True)

    def size(self) -> int:
        """Return how many deeds are on the agenda."""
        return sum(map(len, self._deeds.values()))


def _in_thread(deed: Deed) -> None:
    try:
        deed()
    finally:
        close_old_connections()
