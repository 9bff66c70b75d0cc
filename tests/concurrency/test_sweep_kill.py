"""A sweep killed in the middle of a chunk: whole chunks or nothing, and the next one completes."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from config.cli.platform import platform_environment
from core.embedded.paths import CHECKOUT
from core.embedded.record import ServiceUrls
from core.models import Entry
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.claims import vouchers_issued
from tests.factories.running import balances
from tests.plugin import assert_sound
from tests.support.moments import business_time_set
from tests.support.threads import at_once
from vouchers.models import Batch, Voucher
from vouchers.services import expiry
from vouchers.services.expiry import vouchers_expire

SWEPT = OPENED_AT + timedelta(hours=72, minutes=5)
VOUCHERS, CHUNK, FACE_FEN = 20, 3, 3_000
# Slow between the change of state and the money, so that the kill falls into a chunk.
CHILD = """
import sys, time
import django
django.setup()
from core import clock
from vouchers.services import expiry
record, expiry.CHUNK = expiry._record, int(sys.argv[1])
def late(*arguments):
    time.sleep(0.1)
    record(*arguments)
expiry._record = late
expiry.vouchers_expire(now=clock.now())
"""


@pytest.fixture
def urls(own_database: ServiceUrls, service_urls: ServiceUrls) -> ServiceUrls:
    business_time_set(SWEPT)
    return ServiceUrls(own_database.database_url, own_database.owner_url, service_urls.redis_url)


def expired() -> int:
    return Voucher.objects.filter(state="EXPIRED").count()


def test_a_killed_sweep_leaves_whole_chunks_and_the_next_one_completes(
    urls: ServiceUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = campaign_live(batches=[BatchPlan(face_fen=FACE_FEN, units=VOUCHERS)])
    vouchers_issued(live.batch, VOUCHERS)
    command = [sys.executable, "-c", CHILD, str(CHUNK)]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=platform_environment(urls))
    try:
        until = time.monotonic() + 60
        while expired() < 2 * CHUNK:
            assert time.monotonic() < until, "the child did nothing"
            time.sleep(0.01)
        time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    done = expired()
    assert done % CHUNK == 0
    assert 2 * CHUNK <= done < VOUCHERS
    assert balances(live.campaign)["OUTSTANDING"] == (VOUCHERS - done) * FACE_FEN
    assert Batch.objects.get().returned_units == done
    assert_sound()

    monkeypatch.setattr(expiry, "CHUNK", CHUNK)
    assert _swept() == VOUCHERS - done
    assert expired() == VOUCHERS
    assert "OUTSTANDING" not in balances(live.campaign)
    assert balances(live.campaign)["ALLOCATED"] == VOUCHERS * FACE_FEN
    assert Batch.objects.get().returned_units == VOUCHERS
    assert Entry.objects.filter(code="EXPIRE").count() == 7


def test_two_sweeps_at_once_sweep_once(urls: ServiceUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    del urls
    live = campaign_live(batches=[BatchPlan(face_fen=FACE_FEN, units=VOUCHERS)])
    vouchers_issued(live.batch, VOUCHERS)
    monkeypatch.setattr(expiry, "CHUNK", 1)
    counts = at_once(lambda now: vouchers_expire(now=now), [SWEPT] * 3, threads=3)
    assert sum(counts) + vouchers_expire(now=SWEPT) == VOUCHERS
    assert Entry.objects.filter(code="EXPIRE").count() == VOUCHERS


def _swept() -> int:
    """Sweep; the server may take a moment to notice that the killed process is gone."""
    for _try in range(100):
        count = vouchers_expire(now=SWEPT)
        if count:
            return count
        time.sleep(0.1)
    return 0
