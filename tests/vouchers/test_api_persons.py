"""PUT /persons: accounts of a channel, raw numbers never kept or repeated."""

import time
from typing import Any

import orjson
import pytest
from django.db import connection

from core.access.signing import call_headers
from core.ids import to_public
from tests.support.api import ApiCaller
from tests.vouchers.api_world import API, body_of, channel_make
from vouchers.models import Enrolment, EnrolmentKey, IdentityHash, IdentityKey

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
DOCUMENT = "11010519491231002X"
OTHER_DOCUMENT = "440524188001010014"
MOBILE = "13800138001"
PATH = f"{API}/persons/user-1"
FULL = {
    "document": {"type": "RESIDENT_ID", "number": DOCUMENT},
    "mobile": MOBILE,
    "devices": ["device-0001"],
    "cards": ["card-token-1"],
    "level": "REALNAME",
}


@pytest.fixture
def api() -> ApiCaller:
    return ApiCaller.of(channel_make())


def rows() -> tuple[int, ...]:
    models = (Enrolment, EnrolmentKey, IdentityKey, IdentityHash)
    return tuple(model.objects.count() for model in models)


def test_new_account_is_201_and_the_same_again_200(api: ApiCaller) -> None:
    body = body_of(api.put(PATH, FULL), 201)
    person = Enrolment.objects.get()
    assert body == {
        "person_id": to_public("per", person.pk),
        "external_id": "user-1",
        "level": "REALNAME",
    }
    before = rows()
    assert before == (1, 5, 5, 5)
    assert body_of(api.put(PATH, FULL), 200) == body
    assert rows() == before


def test_person_id_differs_in_every_channel(api: ApiCaller) -> None:
    first = body_of(api.put(PATH, FULL), 201)
    other = body_of(ApiCaller.of(channel_make()).put(PATH, FULL), 201)
    assert first["person_id"] != other["person_id"]
    assert IdentityKey.objects.filter(kind="DOCUMENT").count() == 1


def test_no_table_holds_a_raw_number(api: ApiCaller) -> None:
    api.put(PATH, FULL)
    with connection.cursor() as cursor:
        for model in (Enrolment, EnrolmentKey, IdentityKey, IdentityHash):
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} t")
            text = str(cursor.fetchall())
            for raw in (DOCUMENT, MOBILE, "device-0001", "card-token-1"):
                assert raw not in text


def test_released_mobile_is_null(api: ApiCaller) -> None:
    api.put(PATH, FULL)
    body_of(api.put(PATH, {"mobile": None}), 200)
    assert not EnrolmentKey.objects.filter(kind="MOBILE", valid_until__isnull=True).exists()
    assert EnrolmentKey.objects.filter(kind="DEVICE", valid_until__isnull=True).exists()


def test_another_document_is_refused(api: ApiCaller) -> None:
    api.put(PATH, FULL)
    before = rows()
    changed = {**FULL, "document": {"number": OTHER_DOCUMENT}}
    problem = api.refused(api.put(PATH, changed), 409, "person.document_conflict")
    assert OTHER_DOCUMENT not in str(problem)
    assert rows() == before


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"document": {"number": "110105194912310021"}}, ["document.number"]),
        ({"document": {"type": "LIBRARY_CARD", "number": "1"}}, ["document.type"]),
        ({"document": {}}, ["document.number"]),
        ({"document": DOCUMENT}, ["document"]),
        ({"mobile": "12345"}, ["mobile"]),
        ({"mobile": 13800138001}, ["mobile"]),
        ({"mobile": "138\u00070138001"}, ["mobile"]),
        ({"devices": "device-0001"}, ["devices"]),
        ({"devices": ["ok-device-1", "short"]}, ["devices.1"]),
        ({"devices": ["device-0001"] * 21}, ["devices"]),
        ({"cards": [None]}, ["cards.0"]),
        ({"level": "SUPER"}, ["level"]),
        ({"mobile": "1", "devices": ["x"]}, ["mobile", "devices.0"]),
        ({"surname": "张"}, ["surname"]),
        ([], ["body"]),
    ],
)
def test_wrong_values_are_named_and_never_repeated(
    api: ApiCaller, body: Any, names: list[str]
) -> None:
    before = rows()
    response = api.put(PATH, body)
    problem = api.refused(response, 400, "request.invalid_parameter")
    assert [param["name"] for param in problem["invalid_params"]] == names
    assert "110105194912310021" not in response.content.decode()
    assert rows() == before


@pytest.mark.parametrize("external_id", [MOBILE, DOCUMENT, "x" * 65, "a b", "张三", "a%2Fb"])
def test_account_number_is_no_personal_number(api: ApiCaller, external_id: str) -> None:
    before = rows()
    response = api.put(f"{API}/persons/{external_id}", FULL)
    problem = api.refused(response, 400, "request.invalid_parameter")
    assert [param["name"] for param in problem["invalid_params"]] == ["external_id"]
    assert rows() == before


def test_verified_without_document_is_refused(api: ApiCaller) -> None:
    before = rows()
    response = api.put(PATH, {"mobile": MOBILE, "level": "REALNAME"})
    api.refused(response, 422, "person.document_required")
    assert rows() == before


def test_a_registration_that_was_caught_cannot_be_sent_again(api: ApiCaller) -> None:
    """The key of a PUT protects nothing: only its nonce does."""
    body = orjson.dumps(FULL)
    signed = call_headers(
        api.key,
        method="PUT",
        target=PATH,
        timestamp=int(time.time()),
        body=body,
        idempotency_key="kept-key-0000000001",
    )
    body_of(api.call("PUT", PATH, body=body, headers=signed), 201)
    body_of(api.put(PATH, {"mobile": None}))
    ApiCaller.refused(api.call("PUT", PATH, body=body, headers=signed), 401, "auth.nonce_replayed")
    assert not EnrolmentKey.objects.filter(kind="MOBILE", valid_until__isnull=True).exists()
