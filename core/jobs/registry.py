"""Which kinds of long work exist; rooms register theirs when they are ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.jobs.models import Job
from core.jobs.progress import Progress

Runner = Callable[[Job, Progress], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job.

    ``runner(job, progress)`` does the work and returns the result (canonical JSON, no personal
    data). It is safe to run twice: a worker may die half-way, then another one starts it again.
    ``action`` is the permission needed to download the files of the job.
    """

    kind: str
    title: str
    runner: Runner
    action: str


_kinds: dict[str, JobKind] = {}


def job_kind_register(kind: JobKind) -> None:
    """Register a kind of job.

    Raises:
        ValueError: another one has the same name.
    """
    if _kinds.setdefault(kind.kind, kind) != kind:
        raise ValueError(f"job kind registered twice: {kind.kind}")


def job_kind(kind: str) -> JobKind:
    """Return a registered kind.

    Raises:
        LookupError: no room registered it.
    """
    try:
        return _kinds[kind]
    except KeyError:
        raise LookupError(f"unknown job kind {kind!r}") from None
