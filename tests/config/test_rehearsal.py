"""The whole programme in small, through its public API, with processes dying under it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.embedded.paths import CHECKOUT
from tests.plugin import EMBEDDED

SCALE = 50_000
DAYS = 8
"""Four waves: with fewer there are not people enough for the vouchers of one. Each moment costs
about a second to reach."""
SERVICES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
FAULTS = [
    "kill -9 worker",
    "kill -9 front",
    "kill -9 web",
    "flush Valkey",
    "kill -9 front",
    "kill -9 web",
    "kill -9 worker",
]


def test_the_programme_reconciles_although_processes_die(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    figures = played(pytestconfig, tmp_path / "figures.json")
    books_reconcile(figures)
    every_kind_of_difference_is_found_as_planted(figures)
    totals_are_the_published_ones_by_the_scale(figures)
    refusals_of_every_planned_kind_came(figures)
    assert {Path(name).suffix for name in figures["files"]} == {".html", ".xlsx"}
    assert not any("/" in name for name in figures["files"])
    assert "logins" not in figures


def played(pytestconfig: pytest.Config, target: Path) -> dict[str, Any]:
    """Play with faults, on durable servers of its own where the suite's are embedded ones."""
    environment = dict(os.environ)
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    if pytestconfig.stash[EMBEDDED] or hasattr(pytestconfig, "workerinput"):
        for name in SERVICES:
            environment.pop(name, None)
    arguments = ["rehearse", f"--scale={SCALE}", f"--days={DAYS}", "--faults", f"--json={target}"]
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1_500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "对账差错：跨日" in done.stdout
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def books_reconcile(figures: dict[str, Any]) -> None:
    assert figures["faults"] == FAULTS
    assert figures["restarts"] >= 6
    assert figures["invariants"] | {"checks": 0} == {"checks": 0, "violations": 0, "failed": {}}
    assert figures["callers_differ"] == {}
    assert figures["settlement_fen"] == figures["redemptions_minus_refunds_fen"] > 0
    assert figures["reconciles"]


def every_kind_of_difference_is_found_as_planted(figures: dict[str, Any]) -> None:
    planted = figures["reconciliation"]["planted"]
    assert figures["reconciliation"]["found"] == planted
    assert {"CROSS_DAY", "STATUS_DIFFERS"} <= set(planted)
    assert len(planted) >= 3


def totals_are_the_published_ones_by_the_scale(figures: dict[str, Any]) -> None:
    assert figures["released"] == figures["claimed"] == 18_000_000 // SCALE
    assert figures["released_fen"] == figures["claimed_fen"] == 10_000_000_000 // SCALE
    # One refunded as a whole after its end has been both.
    both = figures["redeemed"] + figures["expired"] - figures["claimed"]
    assert both <= figures["refunded"]
    assert sum(figures["per_funder"].values()) == figures["subsidy_fen"]
    tiers = figures["per_tier"].values()
    assert sum(row["order_net_fen"] for row in tiers) == figures["order_net_fen"]
    for dimension in ("city", "industry", "acquirer"):
        rows = figures[f"per_{dimension}"].values()
        assert sum(row["order_net_fen"] for row in rows) == figures["order_net_fen"]


def refusals_of_every_planned_kind_came(figures: dict[str, Any]) -> None:
    assert {
        "claim.sold_out",
        "claim.person_limit",
        "claim.out_of_region",
        "claim.realname_required",
        "redemption.card_not_allowed",
    } <= set(figures["refusals"])
