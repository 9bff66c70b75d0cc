"""What operators see of group commit: queue, group sizes, commit times, refusals (Prometheus)."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
"""Of this process; each front process answers for itself at ``/metrics`` on its own port."""

_WAITING = Gauge(
    "xfq_commit_waiting", "Commands that wait for their group", ["service"], registry=REGISTRY
)
_SIZES = Histogram(
    "xfq_commit_group_size",
    "Commands per group",
    ["service"],
    registry=REGISTRY,
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
_SECONDS = Histogram(
    "xfq_commit_seconds",
    "Time from taking a group to its commit",
    ["service"],
    registry=REGISTRY,
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 3),
)
_REFUSED = Counter(
    "xfq_commit_refused", "Commands refused undecided", ["service"], registry=REGISTRY
)


class CommitMetrics:
    """The figures of one batcher."""

    def __init__(self, service: str) -> None:
        """Take the service's name as it appears in the label."""
        self._waiting = _WAITING.labels(service)
        self._sizes = _SIZES.labels(service)
        self._seconds = _SECONDS.labels(service)
        self._refused = _REFUSED.labels(service)

    def waiting_is(self, count: Callable[[], int]) -> None:
        """Take what tells how many commands wait, asked whenever somebody looks."""
        self._waiting.set_function(count)

    def committed(self, commands: int, seconds: float) -> None:
        """Count a group that was decided."""
        self._sizes.observe(commands)
        self._seconds.observe(seconds)

    def refused(self) -> None:
        """Count a command that was refused undecided."""
        self._refused.inc()
