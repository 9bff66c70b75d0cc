"""Two imports of one merchant list at once: the second finds everything done."""

from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError

from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from merchants.imports import run
from merchants.imports.apply import staged_apply
from merchants.imports.run import merchants_import
from merchants.models import Acquirer, Merchant, Payee, Store, Terminal
from tests.factories.merchants import NANNING, acquirer_make
from tests.merchants.lists import csv_bytes, row, saved
from tests.support.threads import at_once

NOW = datetime(2026, 3, 15, 10, 0, tzinfo=TIME_ZONE)
ROWS = 200


def imported(path: Path, acquirer: Acquirer) -> int | type[Exception]:
    """Import the list; return how much it changed, or the error of the database."""
    try:
        outcome = merchants_import(
            path=path,
            acquirer=acquirer,
            owner_region=NANNING,
            sha256="0" * 64,
            now=NOW,
            actor=None,
        )
    except IntegrityError as error:
        return type(error)
    assert list(outcome.problems) == []
    return outcome.counts.total


def list_of(tmp_path: Path) -> Path:
    return saved(tmp_path, csv_bytes([row(number) for number in range(1, ROWS + 1)]))


def test_two_imports_of_one_list_apply_it_once(own_database: ServiceUrls, tmp_path: Path) -> None:
    path, acquirer = list_of(tmp_path), acquirer_make()
    changes = at_once(partial(imported, path), [acquirer] * 2, threads=2)
    # Merchant, store, payee and contact of every row, and two terminals.
    assert set(changes) == {0, 6 * ROWS}
    counts = [model._default_manager.count() for model in (Merchant, Store, Payee, Terminal)]
    assert counts == [ROWS, ROWS, ROWS, 2 * ROWS]


@pytest.mark.broken_books
def test_control_without_the_lock_both_apply(
    own_database: ServiceUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, acquirer = list_of(tmp_path), acquirer_make()
    both_checked = Barrier(2, timeout=30)

    def apply_together(**arguments: Any) -> Any:
        both_checked.wait()
        return staged_apply(**arguments)

    monkeypatch.setattr(run, "_LOCK", "SELECT 1")
    monkeypatch.setattr(run, "staged_apply", apply_together)
    changes = at_once(partial(imported, path), [acquirer] * 2, threads=2)
    assert IntegrityError in changes
