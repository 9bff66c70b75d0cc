"""One import from file to rows: read, check, apply, all or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connections

from core.access.models import User
from core.audit.services import audit_record
from core.transactions import retry_conflicts, transaction
from merchants.errors import ImportFileRefusedError
from merchants.imports.apply import ImportCounts, staged_apply
from merchants.imports.csv_source import csv_rows
from merchants.imports.problems import Problems
from merchants.imports.records import ImportScope, records_read
from merchants.imports.regions import RegionFinder
from merchants.imports.source import SourceRow, data_rows, format_of
from merchants.imports.staging import records_stage, staged_check, staged_stores
from merchants.imports.xlsx_source import xlsx_rows
from merchants.models import Acquirer

# One import at a time: two lists may name the same merchant.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('merchants.import'))"
STATEMENT_TIMEOUT_MS = 300_000
LOCK_TIMEOUT_MS = 120_000


@dataclass(slots=True)
class ImportOutcome:
    """What became of a file: either ``problems`` and no change at all, or ``counts``."""

    rows: int = 0
    problems: Problems = field(default_factory=Problems)
    counts: ImportCounts = field(default_factory=ImportCounts)
    stores: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def is_applied(self) -> bool:
        """Whether the file was good."""
        return not self.problems


class _UndoneError(Exception):
    """Leaves the transaction without a trace."""


@retry_conflicts
def merchants_import(
    *,
    path: Path,
    acquirer: Acquirer,
    owner_region: str,
    sha256: str,
    now: datetime,
    actor: User | None,
    advance: Callable[[int], None] = lambda _count: None,
) -> ImportOutcome:
    """Import an acquirer's merchant list (domain-rules §9) for the bureau of ``owner_region``.

    ``path`` is an XLSX or a CSV; ``sha256`` its hash, for the log. Every faulty row is in the
    outcome's problems with row, column and reason, and then nothing is changed. A file that cannot
    be read at all has one problem with row 0. ``advance`` is told of rows read.
    """
    outcome = ImportOutcome()
    scope = ImportScope(owner_region=owner_region, acquirer_region=acquirer.owner_region)
    try:
        with transaction(
            lock_timeout_ms=LOCK_TIMEOUT_MS, statement_timeout_ms=STATEMENT_TIMEOUT_MS
        ):
            rows = _counted(data_rows(_source(path)), outcome, advance)
            records_stage(
                records_read(
                    rows, scope=scope, regions=RegionFinder.load(), problems=outcome.problems
                )
            )
            with connections["default"].cursor() as cursor:
                cursor.execute(_LOCK)
            staged_check(acquirer_id=acquirer.pk, scope=scope, problems=outcome.problems)
            if outcome.problems:
                raise _UndoneError
            outcome.counts, changes = staged_apply(acquirer_id=acquirer.pk, scope=scope, now=now)
            outcome.stores = list(staged_stores())
            audit_record(
                action="merchants.import",
                subject_type="merchants.acquirer",
                subject_id=acquirer.pk,
                now=now,
                actor=actor,
                owner_region=owner_region,
                data={
                    "sha256": sha256,
                    "rows": outcome.rows,
                    "counts": outcome.counts.as_dict(),
                    "payee_changes": changes,
                },
            )
    except _UndoneError:
        pass
    except ImportFileRefusedError as error:
        outcome.problems.add(0, "", error.reason)
    return outcome


def _source(path: Path) -> Iterator[SourceRow]:
    return xlsx_rows(path) if format_of(path) == "xlsx" else csv_rows(path)


def _counted(
    rows: Iterator[SourceRow], outcome: ImportOutcome, advance: Callable[[int], None]
) -> Iterator[SourceRow]:
    for index, row in enumerate(rows):
        if index:  # the heading is not a row of data
            outcome.rows += 1
            advance(1)
        yield row
