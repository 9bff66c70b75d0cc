"""A group that is decided again: counted once, answered as a replay."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
import redis
from django.conf import settings
from django.utils.translation import get_language, override

from core.access.credentials import credentials_of
from core.access.models import Client
from core.api.hot_calls import HotCall, Reply, calls_answer, group_answer
from core.clock import wall
from core.errors.problem import CHINESE, ENGLISH
from core.ids import new_id, to_public
from tests.vouchers.api_world import World, world_make
from vouchers.api import hot
from vouchers.api.hot import CLAIM
from vouchers.models import Claim
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claim_requests import claims_request

pytestmark = pytest.mark.django_db


def test_a_repeated_group_is_counted_once_and_replays_what_was_committed() -> None:
    world = world_make()
    Client.objects.filter(pk=world.client.pk).update(rate_per_minute=1, person_rate_per_minute=1)
    credentials = credentials_of(world.api.key.key_id)
    assert credentials is not None
    call = HotCall(
        client=credentials.client,
        received=wall(),
        language=CHINESE,
        request_id="r",
        path="/api/v1/claims",
        idempotency_key="kept-key-0000000001",
        nonce="n",
        content_type="application/json; charset=utf-8",
        body=orjson.dumps(world.claim_body()),
    )
    (first,) = calls_answer(CLAIM, [call])
    (again,) = calls_answer(CLAIM, [call])
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert ("Idempotent-Replay", "true") in again.headers
    assert Claim.objects.count() == 1


def calls_of(world: World, *changes: dict[str, Any]) -> list[HotCall]:
    """Return calls of the world's client, each with a key of its own unless it says otherwise."""
    credentials = credentials_of(world.api.key.key_id)
    assert credentials is not None
    usual = {
        "client": credentials.client,
        "received": wall(),
        "language": CHINESE,
        "request_id": "r",
        "path": "/api/v1/claims",
        "nonce": "n",
        "content_type": "application/json",
        "body": orjson.dumps(world.claim_body()),
    }
    return [
        HotCall(**{**usual, "idempotency_key": f"kept-key-{number:010d}", **change})
        for number, change in enumerate(changes)
    ]


def codes(replies: Sequence[Reply]) -> list[str]:
    return [orjson.loads(reply.body).get("code", "") for reply in replies]


def counts() -> dict[str, int]:
    """Return what was counted for the client (c) and its persons (p)."""
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        names = sorted(server.keys("xfq:rate:*"))
        return {name.decode().split(":")[2]: int(server.get(name)) for name in names}


def test_the_first_check_of_a_view_says_the_answer_of_each_in_a_group() -> None:
    world = world_make()
    Client.objects.filter(pk=world.client.pk).update(rate_per_minute=5, person_rate_per_minute=2)
    broken = {"body": b'{"a":'}
    replies = calls_answer(
        CLAIM,
        calls_of(
            world,
            {"idempotency_key": "", **broken},
            {},
            broken,
            {},
            {},  # the third of this person
            broken,  # from here on the client has had his five
            {},
            {"idempotency_key": "short"},
        ),
    )
    assert codes(replies) == [
        "request.idempotency_key_required",
        "",
        "request.malformed_json",
        "claim.person_limit",
        "rate.limited",
        "rate.limited",
        "rate.limited",
        "rate.limited",
    ]
    said = [orjson.loads(reply.body)["data"]["limit"] for reply in replies[4:]]
    assert said == [2, 5, 5, 5]


def test_a_group_that_is_halved_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_make()
    real = claims_request

    def poisoned(*, commands: Sequence[ClaimCommand]) -> Sequence[ClaimOutcome]:
        if any(one.idempotency_key.endswith("2") for one in commands):
            raise ValueError("poison")
        return real(commands=commands)

    monkeypatch.setattr(hot, "claims_request", poisoned)
    replies = group_answer(CLAIM, calls_of(world, {}, {"body": b"["}, {}, {}))
    assert codes(replies) == [
        "",
        "request.malformed_json",
        "infra.internal_error",
        "claim.person_limit",
    ]
    assert counts() == {"c": 4, "p": 3}


@pytest.mark.parametrize("active", ["zh-hans", "en", "de", None])
def test_everybody_is_answered_in_his_language_whatever_the_thread_speaks(
    active: str | None,
) -> None:
    world = world_make()
    gone = {"body": orjson.dumps({**world.claim_body(), "batch_id": to_public("bat", new_id())})}
    changes = [
        {**said, "language": language, "request_id": f"{number}-{language}"}
        for number, said in enumerate([gone, {"body": b"{"}, {"body": b"{}"}])
        for language in (CHINESE, ENGLISH)
    ]
    with override(active) if active else override(None, deactivate=True):
        before = get_language()
        together = calls_answer(CLAIM, calls_of(world, *changes))
        assert get_language() == before
    alone = []
    for call in calls_of(world, *changes):
        with override("en" if call.language == ENGLISH else "zh-hans"):
            alone += calls_answer(CLAIM, [call])
    assert [orjson.loads(one.body) for one in together] == [orjson.loads(one.body) for one in alone]
    for chinese, english in zip(together[::2], together[1::2], strict=True):
        assert not chinese.body.isascii()
        assert english.body.isascii()
        assert orjson.loads(chinese.body)["request_id"].endswith("-zh-CN")
        assert orjson.loads(english.body)["request_id"].endswith("-en")
