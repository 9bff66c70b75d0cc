"""What the fault bench relies on: its checks see what is wrong, its proxy loses what it should."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.faults.answers import Answer, Ask, Step, figures
from bench.faults.checks import answers_check, replays_check, round_check, to_replay
from bench.faults.proxy import POSTGRES_PORT, CuttingProxy, Moment
from core.embedded.record import ServiceUrls
from core.embedded.valkey import HOST
from core.ids import new_id, to_public
from tests.factories.campaigns import BatchPlan
from tests.factories.persons import enrolment_make
from tests.factories.redemption import AT, Shop, shop_make
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import channel_make


def answer(
    key: str, status: int = 201, body: Any = None, *, step: Step = "claim", subject: str = "one"
) -> Answer:
    ask = Ask(step, subject, key, "/", b"")
    return Answer(ask, status, orjson.dumps(body or {}), False, 0, 0, 0.0)


def refused(key: str, code: str) -> Answer:
    return answer(key, 409, {"code": code})


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ([answer("a"), refused("b", "claim.person_limit")], []),
        ([refused("a", "claim.sold_out")], []),
        ([answer("a", 0)], ["a: 0 no answer"]),
        ([answer("a", 500, {"code": "infra.internal_error"})], ["a: 500 infra.internal_error"]),
        ([answer("a"), answer("a", body={"x": 1})], ["a: two different answers"]),
        ([answer("a"), answer("b")], ["('claim', 'one'): granted to ['a', 'b']"]),
        (
            [refused("a", "claim.person_limit")],
            ["('claim', 'one'): refused (['claim.person_limit']) though nobody got it"],
        ),
    ],
)
def test_answers_that_contradict_each_other_are_seen(
    answers: list[Answer], wrong: list[str]
) -> None:
    assert list(answers_check(answers)) == wrong


def test_a_replay_must_be_the_first_answer_and_say_so() -> None:
    first = [answer("a", body={"n": 1}), answer("a", body={"n": 1})]
    assert len(to_replay(first)) == 1
    (kept,) = to_replay(first)
    assert replays_check([kept], [replace(kept, replay=True)]) == []
    assert replays_check([kept], [kept]) == ["a: a replay that does not say so"]
    other = answer("a", body={"n": 2})
    assert replays_check([kept], [replace(other, replay=True)]) == [
        "a: replayed as 201 b'{\"n\":2}'"
    ]


def test_a_key_answered_by_replays_alone_was_decided_before() -> None:
    twins = [answer("a"), replace(answer("a"), replay=True)]
    assert figures(twins)["first_answer_was_replay"] == 0
    assert figures([replace(one, replay=True) for one in twins])["first_answer_was_replay"] == 1


def played(shop: Shop) -> list[Answer]:
    """Return the answers to a claim, a hold and a confirm."""
    client = channel_make()
    api = ApiCaller.of(client)
    person_id = to_public("per", enrolment_make(client).pk)
    batch_id = to_public("bat", shop.batch.pk)
    answers: list[Answer] = []

    def call(step: Step, path: str, body: dict[str, Any]) -> dict[str, Any]:
        key = f"kept-key-for-the-{step}"
        response = api.post(path, body, key=key)
        ask = Ask(step, step, key, path, orjson.dumps(body))
        answers.append(Answer(ask, response.status_code, response.content, False, 0, 0, 0.0))
        document: dict[str, Any] = answers[-1].document()
        return document

    claimed = call("claim", "/api/v1/claims", {"person_id": person_id, "batch_id": batch_id})
    payment = {
        "voucher_ids": [claimed["vouchers"][0]["voucher_id"]],
        "store_no": shop.store.store_no,
        "terminal_no": shop.terminal.terminal_no,
        "order_no": "T-1",
        "order_fen": 10_000,
        "flow": "CUSTOMER_SCANS",
    }
    held = call("hold", "/api/v1/redemptions", payment)
    paid = {
        "paid_fen": held["payable_fen"],
        "channel_trade_no": "C-1",
        "paid_at": AT.isoformat(),
    }
    call("confirm", f"/api/v1/redemptions/{held['redemption_id']}/confirm", paid)
    return answers


@pytest.mark.django_db
def test_what_is_answered_and_not_kept_or_kept_and_not_answered_is_seen() -> None:
    shop = shop_make(batches=[BatchPlan()])
    business_time_set(AT)
    answers = played(shop)
    assert [one.status for one in answers] == [201, 201, 200]
    assert round_check(shop.batch, answers) == []
    for place, prefix in enumerate(("clm", "rdm", "rdm")):
        left = answers[:place] + answers[place + 1 :]
        (unanswered,) = round_check(shop.batch, left)
        assert unanswered.endswith("though no answer said so")
        changed = answers[place].document()
        changed["claim_id" if prefix == "clm" else "redemption_id"] = to_public(prefix, new_id())
        (lost,) = round_check(
            shop.batch, [*left, replace(answers[place], body=orjson.dumps(changed))]
        )
        assert answers[place].ask.key in lost
        key = replace(answers[place].ask, key="another-key-never-seen", subject="another")
        (lost,) = round_check(shop.batch, [*answers, replace(answers[place], ask=key)])
        assert lost.endswith("and lost")
    sold_out = answer("k", 409, {"code": "claim.sold_out"}, subject="third")
    (early,) = round_check(shop.batch, [*answers, sold_out])
    assert early.startswith("refused as sold out with")


@contextmanager
def proxy_before(urls: ServiceUrls) -> Iterator[tuple[CuttingProxy, str]]:
    """Run a proxy before a test's database; yields it with the owner's URL through it."""
    server = conninfo_to_dict(urls.owner_url)
    proxy = CuttingProxy(str(server["host"]), int(server.get("port") or POSTGRES_PORT))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(10)
        yield (
            proxy,
            make_conninfo(
                urls.owner_url, host=HOST, port=port, sslmode="disable", gssencmode="disable"
            ),
        )
    finally:
        loop.call_soon_threadsafe(proxy.stop)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_the_proxy_loses_the_answer_and_not_the_commit(own_database: ServiceUrls) -> None:
    with proxy_before(own_database) as (proxy, url):
        with psycopg.connect(own_database.owner_url, autocommit=True) as direct:
            direct.execute("CREATE TABLE cut_once (moment text)")
            for moment in Moment:
                with psycopg.connect(url, autocommit=True) as through:
                    through.execute("SELECT 1")
                    proxy.arm("hot_function", moment)
                    with pytest.raises(psycopg.OperationalError):
                        # Without parameters a statement is one simple-query message.
                        through.execute(
                            f"INSERT INTO cut_once VALUES ('{moment.name}');"
                            " SELECT 'hot_function(', repeat('x', 1000)"
                        )
                deadline = time.monotonic() + 10
                kept = "SELECT count(*) FROM cut_once WHERE moment = %s"
                while direct.execute(kept, [moment.name]).fetchone() != (1,):
                    assert time.monotonic() < deadline, moment
                    time.sleep(0.01)
        assert proxy.cuts == list(Moment)
