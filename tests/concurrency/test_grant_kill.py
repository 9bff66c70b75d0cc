"""A granting process killed in the middle: the next one completes the list, nobody gets two."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from config.cli.platform import platform_environment
from core.access.models import Client
from core.embedded.paths import CHECKOUT
from core.embedded.record import ServiceUrls
from core.jobs.models import Job
from core.jobs.services import job_run
from tests.factories.campaigns import OPENED_AT, BatchPlan, LiveCampaign, campaign_live
from tests.factories.claims import vouchers_issued
from tests.factories.grants import grant_agreed, grant_done, grant_made, people_make, public_ids
from tests.factories.merchants import client_make
from tests.factories.running import balances
from tests.support.moments import business_time_set
from vouchers.grants import staging
from vouchers.models import Claim, Enrolment, Grant, Voucher

PEOPLE, CHUNK = 60, 5
# Outcomes are kept long after their claims are committed, so that the kill falls between the two.
CHILD = """
import sys, time
import django
django.setup()
from uuid import UUID
from core import clock
from core.jobs.services import job_run
from vouchers.grants import chunks
keep, pause_s = chunks._keep, float(sys.argv[2])
def late(*arguments):
    time.sleep(pause_s)
    keep(*arguments)
chunks._keep = late
job_run(job_id=UUID(sys.argv[1]), now=clock.now())
"""


@pytest.fixture
def urls(own_database: ServiceUrls, service_urls: ServiceUrls) -> ServiceUrls:
    business_time_set(OPENED_AT)
    return ServiceUrls(own_database.database_url, own_database.owner_url, service_urls.redis_url)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CHUNK_ROWS", CHUNK)


def child(urls: ServiceUrls, job: object, pause_s: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, str(job), str(pause_s)]
    environment = platform_environment(urls)
    environment.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment)


def live_without_limits(units: int = 100) -> LiveCampaign:
    return campaign_live(batches=[BatchPlan(units=units, limits=())])


def held() -> Counter[object]:
    return Counter(Voucher.objects.values_list("enrolment_id", flat=True))


@pytest.mark.usefixtures("small_chunks")
def test_kill_minus_nine_and_a_second_run_grant_everybody_once(urls: ServiceUrls) -> None:
    live = live_without_limits()
    channel = client_make(Client.Kind.CHANNEL)
    people = people_make(channel, PEOPLE)
    grant = grant_made(live.batch, channel, public_ids(people))
    job_id = grant_agreed(grant)
    process = child(urls, job_id, 0.1)
    try:
        _wait_until(lambda: grant.chunks.filter(decided_at__isnull=False).count() >= 2)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    grant.refresh_from_db()
    assert grant.state == "GRANTING"
    assert 0 < grant.granted < PEOPLE
    written = Claim.objects.count()
    assert grant.granted < written < PEOPLE  # claims of which nobody knows yet
    assert Job.objects.get(pk=job_id).state == "RUNNING"

    assert child(urls, job_id, 0).wait(60) == 0
    grant.refresh_from_db()
    job = Job.objects.get(pk=job_id)
    assert (grant.state, grant.granted, grant.refused, job.state) == ("DONE", PEOPLE, 0, "DONE")
    assert held() == Counter({person.pk: 1 for person in people})
    assert Claim.objects.count() == PEOPLE
    assert balances(live.campaign)["OUTSTANDING"] == PEOPLE * 3_000


@pytest.mark.usefixtures("small_chunks", "urls")
def test_two_lanes_grant_everybody_while_others_claim() -> None:
    live = live_without_limits()
    channel = client_make(Client.Kind.CHANNEL)
    people = people_make(channel, 40)
    vouchers_issued(live.batch, 5, enrolments=people[:5])
    grant = grant_made(live.batch, channel, public_ids(people))
    job = grant_done(grant)
    assert (job.state, job.done, job.total) == ("DONE", 40, 40)
    assert (grant.granted, grant.refused) == (40, 0)
    assert sum(held().values()) == 45
    numbers = Voucher.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 46))


@pytest.mark.usefixtures("small_chunks", "urls")
def test_where_quota_is_short_the_first_on_the_list_come_first() -> None:
    live = live_without_limits(units=23)
    channel = client_make(Client.Kind.CHANNEL)
    people = people_make(channel, 40)
    grant = grant_made(live.batch, channel, public_ids(people))
    grant_done(grant)
    assert (grant.granted, grant.refused) == (23, 17)
    assert held() == Counter({person.pk: 1 for person in people[:23]})


@pytest.mark.usefixtures("small_chunks", "urls")
def test_one_runner_at_a_time_and_a_second_message_does_no_harm() -> None:
    live = live_without_limits()
    channel = client_make(Client.Kind.CHANNEL)
    grant = grant_made(live.batch, channel, public_ids(people_make(channel, 12)))
    job_id = grant_agreed(grant)
    assert job_run(job_id=job_id, now=OPENED_AT) is not None
    assert job_run(job_id=job_id, now=OPENED_AT) is None
    assert Grant.objects.get().granted == Voucher.objects.count() == 12
    assert Enrolment.objects.count() == 12


def _wait_until(question: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not question():  # type: ignore[operator]
        assert time.monotonic() < until, "the child did nothing"
        time.sleep(0.01)
