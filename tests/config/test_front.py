"""The hot front as a process: many callers at once, a shutdown in the middle, a crash."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import psutil
import pytest

from bench.faults.kinds import deciders_of
from config.cli.proxy import HOT_PATHS
from config.hot_routes import HOT_ROUTES
from core.access.models import ClientKey
from core.access.services import client_key_issue
from core.access.signing import SigningKey, call_headers
from core.clock import wall
from core.embedded.record import ServiceUrls
from core.ids import to_public
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.persons import enrolments_make
from tests.invariants.helpers import checks_failing
from tests.support.moments import business_time_set
from tests.support.threads import at_once
from tests.support.web import front_process, web_process
from tests.vouchers.api_world import channel_make
from vouchers.models import Claim, Enrolment, Voucher

UNITS = 50
CALLERS = 200
THREADS = 40
CLAIMS = "/api/v1/claims"


@dataclass
class Crowd:
    """People of one channel who want a voucher of one batch."""

    key: SigningKey
    batch_id: str
    people: list[Enrolment]
    address: str = ""
    http: httpx.Client = field(default_factory=lambda: client_of_many(THREADS))

    def claim(self, person: Enrolment) -> httpx.Response:
        """Claim with the person's own key.

        Raises:
            httpx.TransportError: no answer came.
        """
        body = orjson.dumps({"person_id": to_public("per", person.pk), "batch_id": self.batch_id})
        headers = call_headers(
            self.key,
            method="POST",
            target=CLAIMS,
            timestamp=int(time.time()),
            body=body,
            idempotency_key=f"claim-{person.pk.hex}",
        )
        headers["Content-Type"] = "application/json"
        return self.http.post(f"{self.address}{CLAIMS}", content=body, headers=headers)


def client_of_many(threads: int) -> httpx.Client:
    """Return a client for ``threads`` threads that keeps a connection for each of them.

    With fewer kept, httpcore 1.0 now and then closes an idle connection it has just lent to
    another thread, who then gets no answer.
    """
    limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads)
    return httpx.Client(trust_env=False, timeout=30, limits=limits)


def crowd_make(people: int, units: int) -> Crowd:
    batch = campaign_live(batches=[BatchPlan(units=units)]).batch
    business_time_set(OPENED_AT)
    client = channel_make()
    issued = client_key_issue(client=client, now=wall(), algorithm=ClientKey.Algorithm.HMAC_SM3)
    key = SigningKey(
        client.code, issued.key.key_id, ClientKey.Algorithm.HMAC_SM3, issued.secret.encode()
    )
    enrolments = enrolments_make(client, people)
    return Crowd(key, to_public("bat", batch.pk), enrolments)


def metric(address: str, name: str) -> float:
    """Return a figure of the front's metrics for claims."""
    for line in httpx.get(f"{address}/metrics", trust_env=False).text.splitlines():
        if line.startswith(f'{name}{{service="claims"}}'):
            return float(line.split()[-1])
    raise AssertionError(f"no {name}")


def test_two_hundred_claims_at_once_on_fifty_units(
    own_database: ServiceUrls, tmp_path: Path
) -> None:
    crowd = crowd_make(CALLERS, UNITS)
    with front_process(own_database, tmp_path / "front.log") as (crowd.address, _):
        answers = at_once(crowd.claim, crowd.people, threads=THREADS)
        assert Counter(one.status_code for one in answers) == {201: UNITS, 409: CALLERS - UNITS}
        codes = {one.json()["code"] for one in answers if one.status_code == 409}
        assert codes == {"claim.sold_out"}
        assert metric(crowd.address, "xfq_commit_group_size_sum") == CALLERS
        assert metric(crowd.address, "xfq_commit_group_size_count") < CALLERS / 2
    first = {one.json()["claim_id"] for one in answers if one.status_code == 201}
    assert first == {to_public("clm", pk) for pk in Claim.objects.values_list("pk", flat=True)}
    assert checks_failing() == {}


def stop_in_the_middle(
    crowd: Crowd, sig: signal.Signals, processes: Sequence[psutil.Process]
) -> list[httpx.Response | None]:
    """Have everybody claim, and send processes a signal once some have been answered."""

    def play(person: Enrolment | None) -> httpx.Response | None:
        if person is not None:
            try:
                return crowd.claim(person)
            except httpx.TransportError:
                return None
        while Claim.objects.count() < THREADS:
            time.sleep(0.01)
        for process in processes:
            os.kill(process.pid, sig)
        return None

    everybody: list[Enrolment | None] = [*crowd.people, None]
    everybody.insert(THREADS - 1, everybody.pop())
    return at_once(play, everybody, threads=THREADS)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_no_answered_claim_is_lost_when_the_front_ends(
    own_database: ServiceUrls, tmp_path: Path, sig: signal.Signals
) -> None:
    crowd = crowd_make(CALLERS * 2, CALLERS * 2)
    with front_process(own_database, tmp_path / "front.log") as (crowd.address, process):
        # The launcher would start a killed worker again; the crash is of all.
        launcher = psutil.Process(process.pid)
        answers = stop_in_the_middle(crowd, sig, [*launcher.children(recursive=True), launcher])
        process.wait(timeout=60)
    answered = {one.json()["claim_id"] for one in answers if one and one.status_code == 201}
    kept = {to_public("clm", pk) for pk in Claim.objects.values_list("pk", flat=True)}
    assert 0 < len(answered) < len(crowd.people)
    assert answered <= kept
    assert {one.status_code for one in answers if one} <= {201, 503}
    if sig is signal.SIGTERM:
        assert answered == kept, "somebody was decided and not told"
    with front_process(own_database, tmp_path / "again.log") as (crowd.address, _):
        again = at_once(crowd.claim, crowd.people, threads=THREADS)
    assert {one.status_code for one in again} == {201}
    replayed = {one.json()["claim_id"] for one in again if "Idempotent-Replay" in one.headers}
    assert replayed == kept
    assert Voucher.objects.count() == len(crowd.people)
    assert checks_failing() == {}


def test_a_killed_deciding_process_costs_one_group_an_answer_and_nobody_a_voucher(
    own_database: ServiceUrls, tmp_path: Path
) -> None:
    crowd = crowd_make(CALLERS * 2, CALLERS * 2)
    with front_process(own_database, tmp_path / "front.log") as (crowd.address, process):
        first = decider_of(process.pid)
        answers = stop_in_the_middle(crowd, signal.SIGKILL, [first])
        statuses = Counter(one.status_code if one else None for one in answers)
        del statuses[None]  # who sent the signal
        assert statuses.keys() == {201, 503}
        assert statuses.total() == len(crowd.people)
        assert statuses[503] <= THREADS
        assert decider_of(process.pid).pid != first.pid
        answered = {one.json()["claim_id"] for one in answers if one and one.status_code == 201}
        kept = {to_public("clm", pk) for pk in Claim.objects.values_list("pk", flat=True)}
        assert answered <= kept
        again = at_once(crowd.claim, crowd.people, threads=THREADS)
    assert {one.status_code for one in again} == {201}
    replayed = {one.json()["claim_id"] for one in again if "Idempotent-Replay" in one.headers}
    assert replayed == kept
    assert Voucher.objects.count() == len(crowd.people)
    assert checks_failing() == {}


def decider_of(pid: int) -> psutil.Process:
    """Return the process that decides for the front of a launcher."""
    (found,) = deciders_of(pid)
    return found


def test_the_proxy_sends_exactly_the_hot_routes_to_the_front() -> None:
    paths: dict[str, list[str]] = {}
    for route in HOT_ROUTES:
        pattern = re.sub(r"\(\?P<\w+>([^)]+)\)", r"\1", route.path)
        paths.setdefault(route.method, []).append(pattern)
    assert {method: f"^/api/v1/({'|'.join(of)})$" for method, of in paths.items()} == HOT_PATHS


def test_both_servers_make_the_same_of_headers_sent_twice(
    own_database: ServiceUrls, tmp_path: Path
) -> None:
    crowd = crowd_make(1, 1)
    body = orjson.dumps(
        {"person_id": to_public("per", crowd.people[0].pk), "batch_id": crowd.batch_id}
    )

    def post(address: str, *more: tuple[str, str]) -> httpx.Response:
        key = "claim-0000000000001"
        now = int(time.time())
        headers = call_headers(
            crowd.key, method="POST", target=CLAIMS, timestamp=now, body=body, idempotency_key=key
        )
        twice = [(name, value or headers[name]) for name, value in more]
        sent = [*headers.items(), ("Content-Type", "application/json"), *twice]
        return crowd.http.post(f"{address}{CLAIMS}", content=body, headers=sent)

    signed = ("X-Client-Id", "X-Key-Id", "X-Alg", "X-Timestamp", "X-Nonce", "X-Signature")
    with (
        front_process(own_database, tmp_path / "front.log") as (front, _),
        web_process(own_database, tmp_path / "web.log") as web,
    ):
        for address in (front, web):
            for more in [
                *((name, "") for name in (*signed, "Idempotency-Key")),
                ("X-Signature", "AAAA"),
                ("Idempotency-Key", "claim-0000000000002"),
            ]:
                response = post(address, more)
                assert response.status_code == 401, (address, more)
                assert response.json()["code"] == "auth.signature_invalid"
            wanted = [("Accept", "text/html"), ("Accept", "application/json")]
            accepted = post(address, *wanted, ("Content-Type", "text/plain"))
            assert accepted.status_code == 201, accepted.text
    assert Claim.objects.count() == 1
