"""Groups of the hot calls that write no voucher: doubled, decided again, in two languages."""

import secrets
from typing import Any

import orjson
import pytest

from core.access.credentials import credentials_of
from core.api.hot_calls import HotCall, Reply, Route, calls_answer
from core.clock import wall
from core.errors.problem import CHINESE, ENGLISH
from redemption.api.hot import PAYMENT_CODE, QUOTE
from redemption.models import PaymentCode
from tests.redemption.api_world import DEVICE, PayWorld, pay_world
from tests.support.api import ApiCaller
from tests.vouchers.api_world import channel_make
from vouchers.api.hot import PERSON
from vouchers.models import Enrolment

pytestmark = pytest.mark.django_db
JSON = "application/json"


def call(api: ApiCaller, path: str, body: dict[str, Any], **others: Any) -> HotCall:
    credentials = credentials_of(api.key.key_id)
    assert credentials is not None
    given = {"language": CHINESE, "idempotency_key": "", "nonce": secrets.token_hex(8), **others}
    return HotCall(
        client=credentials.client,
        received=wall(),
        request_id="r",
        path=path,
        content_type=JSON,
        body=orjson.dumps(body),
        **given,
    )


def answered(route: Route, calls: list[HotCall]) -> list[tuple[int, Any]]:
    return [(reply.status, orjson.loads(reply.body)) for reply in calls_answer(route, calls)]


def statuses(replies: list[tuple[int, Any]]) -> list[int]:
    return [status for status, _ in replies]


def replayed(reply: Reply) -> bool:
    return ("Idempotent-Replay", "true") in reply.headers


def put(api: ApiCaller, account: str, **others: Any) -> HotCall:
    return call(api, f"/api/v1/persons/{account}", {"devices": ["device-0001"]}, **others)


def test_an_account_registered_twice_in_a_group_is_one_and_again_changes_nothing() -> None:
    api = ApiCaller.of(channel_make())
    calls = [put(api, "user-1"), put(api, "user-2"), put(api, "user-1")]
    first = answered(PERSON, calls)
    assert statuses(first) == [201, 201, 200]
    assert first[2][1] == first[0][1] != first[1][1]
    again = answered(PERSON, calls)
    assert statuses(again) == [200, 200, 200], "nonces of a group decided again are used up once"
    assert [body for _, body in again] == [body for _, body in first]
    assert Enrolment.objects.count() == 2


def test_one_nonce_in_a_group_works_once() -> None:
    api = ApiCaller.of(channel_make())
    replies = answered(PERSON, [put(api, "user-1", nonce="same"), put(api, "user-2", nonce="same")])
    assert statuses(replies) == [201, 401]
    assert replies[1][1]["code"] == "auth.nonce_replayed"
    assert Enrolment.objects.get().external_id == "user-1"


def test_a_bad_account_number_spoils_nobody_elses_answer() -> None:
    api = ApiCaller.of(channel_make())
    replies = answered(PERSON, [put(api, "13800138001"), put(api, "user-2")])
    assert statuses(replies) == [400, 201]
    assert replies[0][1]["invalid_params"][0]["name"] == "external_id"


def code(world: PayWorld, **others: Any) -> HotCall:
    body = {"device": DEVICE, **others.pop("body", {})}
    return call(world.channel, world.codes_path, body, **others)


def test_a_payment_code_asked_for_twice_in_a_group_is_one() -> None:
    world = pay_world()
    key = "code-key-0000000001"
    calls = [
        code(world, idempotency_key=key),
        code(world, idempotency_key="code-key-0000000002"),
        code(world, idempotency_key=key),
        code(world, idempotency_key=key, body={"voucher_id": world.voucher_id}),
        code(world, idempotency_key="code-key-0000000003", body={"device": "another-device"}),
    ]
    replies = calls_answer(PAYMENT_CODE, calls)
    assert [reply.status for reply in replies] == [201, 201, 201, 422, 409]
    assert [replayed(reply) for reply in replies[:3]] == [False, False, True]
    assert replies[2].body == replies[0].body != replies[1].body
    codes = [orjson.loads(reply.body)["code"] for reply in replies[3:]]
    assert codes == ["idempotency.key_reused", "code.device_mismatch"]
    again = calls_answer(PAYMENT_CODE, calls[:3])
    assert [reply.body for reply in again] == [reply.body for reply in replies[:3]]
    assert all(map(replayed, again))
    assert PaymentCode.objects.count() == 2


def test_quotes_of_a_group_are_worded_each_in_its_language() -> None:
    world = pay_world()
    body = world.payment(flow="CUSTOMER_SCANS", person_id=world.person_id, order_fen=100)
    path = "/api/v1/redemptions/quote"
    calls = [call(world.channel, path, body, language=one) for one in (CHINESE, ENGLISH, CHINESE)]
    replies = answered(QUOTE, calls)
    assert statuses(replies) == [200, 200, 200]
    titles = [document["unusable"][0]["refusals"][0]["title"] for _, document in replies]
    assert titles[0] == titles[2] != titles[1]
    assert titles[1].isascii()
