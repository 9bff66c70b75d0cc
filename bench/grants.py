"""A grant to many people beside bare COPY of its rows, and their sweep beside one UPDATE."""

import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.bulk import copy_seconds, process_run, update_seconds
from bench.world import CHANNEL, ONE_KEY, BenchWorld, world_make
from config.cli.screen import say, step
from core import clock
from core.access.models import Client
from redemption.rehearsal.crew import Crew, crew_find
from vouchers.models import Grant, Voucher
from vouchers.services.expiry import GRACE
from vouchers.services.grants import grant_start, grant_submit

READ_BYTES = 1 << 20
GRANTED = {
    "vouchers_claim": "SELECT * FROM vouchers_claim",
    "vouchers_voucher": "SELECT * FROM vouchers_voucher",
    "vouchers_limituse": "SELECT * FROM vouchers_limituse",
    "core_entry": "SELECT * FROM core_entry WHERE code = 'CLAIM'",
    "core_posting": "SELECT p.* FROM core_posting p JOIN core_entry e ON e.id = p.entry_id"
    " WHERE e.code = 'CLAIM'",
    "vouchers_grantchunk": "SELECT * FROM vouchers_grantchunk",
}
"""Everything a grant leaves behind, per table."""


def bench_grant(*, rows: int, kinds: tuple[str, ...] = ONE_KEY) -> dict[str, Any]:
    """Grant ``rows`` people one voucher each, then COPY what was written into bare tables."""
    granted = granted_make(rows=rows, kinds=kinds)
    step("COPY of the very same rows into the same tables, bare")
    with tempfile.TemporaryDirectory() as folder:
        copied = copy_seconds(GRANTED, Path(folder))
    total = sum(copied.values())
    for table, seconds in copied.items():
        say(f"    {table:<22} {seconds:8.2f} s")
    ratio = total / granted["seconds"]
    return {
        "rows": rows,
        "grant": granted,
        "copy_s": {
            **{name: round(one, 3) for name, one in copied.items()},
            "total": round(total, 3),
        },
        "ratios": {
            "grant_vs_copy": round(ratio, 3),
            "grant_and_result_file_vs_copy": round(
                total / (granted["seconds"] + granted["result_file_s"]), 3
            ),
        },
        "peak_rss_mb": max(granted["peak_rss_mb"], granted["check"]["peak_rss_mb"]),
    }


def bench_sweep(*, rows: int, kinds: tuple[str, ...] = ONE_KEY) -> dict[str, Any]:
    """Expire ``rows`` vouchers after one bare UPDATE of the very same rows in a copy."""
    granted_make(rows=rows, kinds=kinds)
    last = Voucher.objects.latest("valid_until").valid_until
    clock.clock_move(to=last + GRACE + timedelta(minutes=1))
    step("one UPDATE of the very same rows, bare")
    bare_s, updated = update_seconds(
        "vouchers_voucher", assign="state = 'EXPIRED'", where="state = 'ACTIVE'"
    )
    say(f"    {updated} rows in {bare_s:.2f} s")
    step("the sweep")
    swept = process_run("sweep")
    say(f"    {swept['rows']} rows in {swept['seconds']:.2f} s")
    if not swept["rows"] == updated == rows:
        raise SystemExit(f"{rows} rows, {updated} updated, {swept['rows']} swept")
    return {
        "rows": rows,
        "update_s": round(bare_s, 3),
        "sweep": swept,
        "ratios": {"sweep_vs_update": round(swept["seconds"] / bare_s, 3)},
        "peak_rss_mb": swept["peak_rss_mb"],
    }


def granted_make(*, rows: int, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Send a list of ``rows`` people in, check it, agree, grant; returns what granting took."""
    step(f"a campaign and {rows} people, keys {kinds}")
    world = world_make(people=rows, units=rows, batches=1, kinds=kinds)
    crew = crew_find()
    step("the list: sent in and checked")
    grant = _sent_in(world, crew)
    checked = process_run("check", str(grant.check_job_id))
    grant.refresh_from_db()
    say(f"    {grant.people} people in {checked['seconds']:.1f} s, {checked['peak_rss_mb']} MB")
    approval = grant_submit(grant_id=grant.pk, actor=crew.user("jingban"), now=clock.now())
    crew.approve(approval, "fuhe", clock.now())
    grant.refresh_from_db()
    step("granting")
    result = process_run("grant", str(_job_of(grant)))
    grant.refresh_from_db()
    if grant.granted != rows:
        raise SystemExit(f"{grant.granted} of {rows} granted")
    say(
        f"    {rows} people in {result['seconds']:.1f} s, {rows / result['seconds']:.0f} /s,"
        f" {result['peak_rss_mb']} MB; result file {result['result_file_s']:.1f} s"
    )
    return {**result, "check": checked}


def _sent_in(world: BenchWorld, crew: Crew) -> Grant:
    with tempfile.TemporaryFile() as file:
        file.write("\n".join(world.people).encode())
        file.seek(0)
        return grant_start(
            batch_id=world.batches[0].pk,
            client_id=Client.objects.get(code=CHANNEL).pk,
            name="bench.csv",
            chunks=iter(partial(file.read, READ_BYTES), b""),
            actor=crew.user("jingban"),
            now=clock.now(),
        )


def _job_of(grant: Grant) -> UUID:
    if grant.job_id is None:
        raise SystemExit("the grant was not agreed to")
    return grant.job_id
