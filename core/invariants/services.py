"""Running the checks and keeping the last result."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connections

from core.invariants.registry import Check, checks
from core.jobs.schedules import TickJob
from core.jobs.selectors import tick_last_done

ROWS_KEPT = 20
JOB = "core.invariants"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: how many rows break it (0: it holds), the first of them, how long it took."""

    name: str
    title_zh: str
    violations: int
    rows: list[dict[str, str]] = field(default_factory=list)
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class InvariantReport:
    """All checks of a run."""

    results: tuple[CheckResult, ...]

    @property
    def violations(self) -> int:
        """How many rows break any check; 0 means that the books are in order."""
        return sum(result.violations for result in self.results)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that do not hold."""
        return tuple(result for result in self.results if result.violations)

    def as_json(self) -> dict[str, Any]:
        """Spell the report for files and rows."""
        return {
            "checks": len(self.results),
            "violations": self.violations,
            "results": [asdict(result) for result in self.results],
        }


def invariants_check(*, only: Iterable[str] | None = None) -> InvariantReport:
    """Run every registered check, or only the named ones; reads only.

    Raises:
        LookupError: a name is not registered.
    """
    known = checks()
    if only is not None:
        wanted = set(only)
        missing = wanted - {check.name for check in known}
        if missing:
            raise LookupError(f"unknown checks: {', '.join(sorted(missing))}")
        known = tuple(check for check in known if check.name in wanted)
    return InvariantReport(tuple(_run(check) for check in known))


def _run(check: Check) -> CheckResult:
    started = time.monotonic()
    with connections["default"].cursor() as cursor:
        cursor.execute(check.sql)
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchmany(ROWS_KEPT)
        more = cursor.rowcount
    return CheckResult(
        name=check.name,
        title_zh=check.title_zh,
        violations=more,
        rows=[{name: str(value) for name, value in zip(names, row, strict=True)} for row in rows],
        milliseconds=int((time.monotonic() - started) * 1000),
    )


def _nightly(_tick_at: datetime) -> Mapping[str, Any]:
    report = invariants_check()
    return {
        "checks": len(report.results),
        "violations": report.violations,
        "failed": {result.name: result.violations for result in report.failed},
    }


NIGHTLY = TickJob(
    name=JOB,
    work=_nightly,
    queue="reports",
    every=timedelta(days=1),
    offset=timedelta(hours=3),
    latest_only=True,
    poll_s=60,
)


@dataclass(frozen=True, slots=True)
class LastCheck:
    """The last nightly run: its business time, how many checks, how many rows broke which."""

    at: datetime
    checks: int
    violations: int
    failed: Mapping[str, int]


def invariants_last() -> LastCheck | None:
    """Return the result of the last nightly run, or None before the first."""
    last = tick_last_done(job=JOB)
    if last is None:
        return None
    at, detail = last
    return LastCheck(
        at=at, checks=detail["checks"], violations=detail["violations"], failed=detail["failed"]
    )
