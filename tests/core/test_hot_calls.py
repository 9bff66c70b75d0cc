"""A group that is decided again: counted once, answered as a replay."""

import orjson
import pytest

from core.access.credentials import credentials_of
from core.access.models import Client
from core.api.hot_calls import HotCall, calls_answer
from core.clock import wall
from core.errors.problem import CHINESE
from tests.vouchers.api_world import world_make
from vouchers.api.hot import CLAIM
from vouchers.models import Claim

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
