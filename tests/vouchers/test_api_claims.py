"""POST /claims and what is read about it afterwards."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.ids import new_id, to_public
from core.models import Account
from tests.factories.campaigns import ENDS_AT, OPENED_AT, BatchPlan, campaign_live
from tests.factories.controls import control_agreed, control_lifted, token_of
from tests.factories.persons import enrolment_make, key_of
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import API, body_of, channel_make, world_make
from vouchers.models import Batch, Claim, LimitUse, Voucher
from vouchers.rules.model import DeviceRule, Location

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
KEY = "request-0000000000000001"


def effects() -> tuple[object, ...]:
    """Everything a claim may change."""
    return (
        Claim.objects.count(),
        Voucher.objects.count(),
        sorted(LimitUse.objects.values_list("used", flat=True)),
        sorted(Batch.objects.values_list("issued", flat=True)),
        sorted(Account.objects.values_list("kind", "balance_fen")),
    )


def test_claim_gives_a_voucher_and_its_facts() -> None:
    world = world_make()
    response = world.api.post(f"{API}/claims", world.claim_body())
    body = body_of(response, 201)
    voucher = Voucher.objects.get()
    assert "Idempotent-Replay" not in response
    assert body == {
        "claim_id": to_public("clm", voucher.claim_id),
        "batch_id": world.batch_id,
        "claimed_at": "2026-03-06T08:00:00+08:00",
        "vouchers": [
            {
                "voucher_id": to_public("vch", voucher.pk),
                "batch_id": to_public("bat", voucher.batch_id),
                "code": voucher.code,
                "face_fen": 3_000,
                "valid_from": "2026-03-06T08:00:00+08:00",
                "valid_until": "2026-03-09T08:00:00+08:00",
            }
        ],
    }
    assert voucher.enrolment_id == world.person.pk
    assert voucher.parts == [2000, 700, 300]


def test_same_key_is_answered_the_same_for_ever() -> None:
    world = world_make()
    first = world.api.post(f"{API}/claims", world.claim_body(), key=KEY)
    before = effects()
    business_time_set(ENDS_AT + timedelta(days=400))
    again = world.api.post(f"{API}/claims", world.claim_body(), key=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replay"] == "true"
    assert effects() == before


def test_same_key_with_another_body_is_refused() -> None:
    world = world_make()
    world.api.post(f"{API}/claims", world.claim_body(), key=KEY)
    before = effects()
    response = world.api.post(f"{API}/claims", world.claim_body(device="device-0001"), key=KEY)
    world.api.refused(response, 422, "idempotency.key_reused")
    assert effects() == before


def test_refusal_keeps_no_key_and_the_same_key_may_succeed_once() -> None:
    world = world_make(now=OPENED_AT - timedelta(hours=1))
    before = effects()
    response = world.api.post(f"{API}/claims", world.claim_body(), key=KEY)
    problem = world.api.refused(response, 409, "claim.not_started")
    assert problem["data"]["opens_at"] == "2026-03-06T08:00:00+08:00"
    assert effects() == before
    business_time_set(OPENED_AT)
    assert world.api.post(f"{API}/claims", world.claim_body(), key=KEY).status_code == 201
    replay = world.api.post(f"{API}/claims", world.claim_body(), key=KEY)
    assert replay["Idempotent-Replay"] == "true"
    assert Claim.objects.count() == 1


def test_second_claim_of_the_day_names_the_limit() -> None:
    world = world_make()
    world.api.post(f"{API}/claims", world.claim_body())
    before = effects()
    response = world.api.post(f"{API}/claims", world.claim_body())
    problem = world.api.refused(response, 409, "claim.person_limit")
    assert problem["data"] == {
        "window": "DAY",
        "limit": 1,
        "used": 1,
        "refusals": [
            {
                "code": "claim.person_limit",
                "title": "已达个人领取上限",
                "detail": "该周期内每人限领 1 张，已领 1 张。",
                "remedy": "可在下一周期再来领取。",
                "data": {"window": "DAY", "limit": 1, "used": 1},
            }
        ],
    }
    assert effects() == before


def test_shared_mobile_is_named_by_kind_and_nobody_is_revealed() -> None:
    world = world_make()
    other_channel = channel_make()
    other = enrolment_make(other_channel, shared=[key_of(world.person, "MOBILE")])
    world.api.post(f"{API}/claims", world.claim_body())
    before = effects()
    body = {"person_id": to_public("per", other.pk), "batch_id": world.batch_id}
    caller = ApiCaller.of(other_channel)
    response = caller.post(f"{API}/claims", body)
    problem = caller.refused(response, 409, "claim.same_person_other_account")
    masked = key_of(other, "MOBILE").masked
    assert problem["data"]["refusals"] == [
        {
            "code": "claim.same_person_other_account",
            "title": "相同的身份信息已领取",
            "detail": f"所用手机号已由其他账号领取过（{masked}）。",
            "remedy": "同一证件、手机号或设备合并计算领取次数。",
            "data": {
                "window": "DAY",
                "limit": 1,
                "kind": "MOBILE",
                "kind_text": "手机号",
                "masked": masked,
            },
        }
    ]
    text = response.content.decode()
    assert world.person_id not in text
    assert str(world.person.pk) not in text
    assert world.client.code not in text
    assert effects() == before


def test_device_of_the_request_counts_like_a_registered_one() -> None:
    world = world_make()
    first, second = (enrolment_make(world.client, kinds=("DOCUMENT",)) for _ in range(2))
    bodies = [
        world.claim_body(device="shared-device-01") | {"person_id": to_public("per", one.pk)}
        for one in (first, second)
    ]
    assert world.api.post(f"{API}/claims", bodies[0]).status_code == 201
    before = effects()
    problem = world.api.refused(
        world.api.post(f"{API}/claims", bodies[1]), 409, "claim.same_person_other_account"
    )
    assert problem["data"]["kind"] == "DEVICE"
    assert problem["data"]["masked"] == "****e-01"
    assert effects() == before


def test_a_device_of_too_many_people_is_told_with_its_numbers() -> None:
    rule = {"device": DeviceRule(persons=1, days=7)}
    world = world_make(campaign_live(batches=[BatchPlan(rules=rule, limits=())]))
    other = enrolment_make(world.client)
    first = world.claim_body(device="shared-device-01") | {"person_id": to_public("per", other.pk)}
    assert world.api.post(f"{API}/claims", first).status_code == 201
    before = effects()
    body = world.claim_body(device="shared-device-01")
    response = world.api.post(f"{API}/claims", body)
    problem = world.api.refused(response, 409, "claim.device_limit")
    (refusal,) = problem["data"].pop("refusals")
    assert refusal["data"] == problem["data"] == {"limit": 1, "persons": 1, "days": 7}
    assert problem["detail"] == "该设备近 7 天内已有其他 1 人领取，最多 1 人。"
    assert problem["remedy"] == "请用本人的设备领取，或过几天再试。"
    assert to_public("per", other.pk) not in response.content.decode()
    english = replace(world.api, language="en").post(f"{API}/claims", body)
    told = world.api.refused(english, 409, "claim.device_limit")
    assert told["detail"] == (
        "Others have claimed on this device within 7 days: 1, at most 1 people may."
    )
    assert effects() == before
    # On no shared device the same person may.
    assert world.api.post(f"{API}/claims", world.claim_body()).status_code == 201


def test_the_control_list_is_not_told_of() -> None:
    world = world_make()
    entry = control_agreed(token_of(key_of(world.person, "DEVICE")))
    before = effects()
    response = world.api.post(f"{API}/claims", world.claim_body())
    problem = world.api.refused(response, 403, "claim.risk_refused")
    assert (problem["title"], problem["remedy"]) == ("暂不能领取", "如有疑问请联系客服。")
    assert problem["detail"] == problem["title"]
    (refusal,) = problem["data"]["refusals"]
    assert problem["data"].keys() == {"refusals"}
    assert refusal.keys() <= {"code", "title", "detail", "remedy"}
    text = response.content.decode()
    for secret in (entry.reason, entry.key.masked, "名单", "风控", str(entry.pk)):
        assert secret not in text
    assert effects() == before
    control_lifted(entry, now=OPENED_AT)
    assert world.api.post(f"{API}/claims", world.claim_body()).status_code == 201


def test_every_failing_condition_is_listed() -> None:
    live = campaign_live(batches=[BatchPlan(units=2, location=Location(at_claim=True))])
    world = world_make(live)
    taker = enrolment_make(world.client)
    taken = world.claim_body(location={"region_code": "450103"})
    taken["person_id"] = to_public("per", taker.pk)
    assert world.api.post(f"{API}/claims", taken).status_code == 201
    before = effects()
    response = world.api.post(f"{API}/claims", taken | {"location": {"region_code": "150100"}})
    problem = world.api.refused(response, 422, "claim.out_of_region")
    assert [one["code"] for one in problem["data"]["refusals"]] == [
        "claim.out_of_region",
        "claim.person_limit",
    ]
    assert effects() == before


def test_sold_out_is_said_alone_and_a_known_key_still_gets_its_claim() -> None:
    live = campaign_live(batches=[BatchPlan(units=1, location=Location(at_claim=True))])
    world = world_make(live)
    body = world.claim_body(location={"region_code": "450103"})
    first = world.api.post(f"{API}/claims", body, key=KEY)
    assert first.status_code == 201
    before = effects()
    again = world.api.post(f"{API}/claims", body | {"location": {"region_code": "150100"}})
    problem = world.api.refused(again, 409, "claim.sold_out")
    assert [one["code"] for one in problem["data"]["refusals"]] == ["claim.sold_out"]
    replay = world.api.post(f"{API}/claims", body, key=KEY)
    assert (replay.status_code, replay.json()) == (201, first.json())
    assert replay["Idempotent-Replay"] == "true"
    other = body | {"location": {"region_code": "450102"}}
    world.api.refused(
        world.api.post(f"{API}/claims", other, key=KEY), 422, "idempotency.key_reused"
    )
    assert effects() == before


def test_missing_location_is_its_own_reason() -> None:
    world = world_make(campaign_live(batches=[BatchPlan(location=Location(at_claim=True))]))
    response = world.api.post(f"{API}/claims", world.claim_body())
    world.api.refused(response, 422, "claim.location_required")


def test_another_clients_person_is_not_found() -> None:
    world = world_make()
    before = effects()
    foreign = enrolment_make(channel_make())
    body = world.claim_body() | {"person_id": to_public("per", foreign.pk)}
    world.api.refused(world.api.post(f"{API}/claims", body), 404, "access.not_found")
    assert effects() == before


def test_batch_of_another_region_is_not_found() -> None:
    world = world_make(campaign_live(region="450200", regions=["450200"]))
    nanning = channel_make(region="450100")
    caller, person = ApiCaller.of(nanning), enrolment_make(nanning)
    body = {"person_id": to_public("per", person.pk), "batch_id": world.batch_id}
    before = effects()
    caller.refused(caller.post(f"{API}/claims", body), 404, "access.not_found")
    assert effects() == before


def test_claim_is_read_by_id_and_by_request_number() -> None:
    world = world_make()
    made = body_of(world.api.post(f"{API}/claims", world.claim_body(), key=KEY), 201)
    assert body_of(world.api.get(f"{API}/claims/{made['claim_id']}")) == made
    assert body_of(world.api.get(f"{API}/claims", {"request_no": KEY})) == made
    stranger = ApiCaller.of(channel_make())
    stranger.refused(stranger.get(f"{API}/claims/{made['claim_id']}"), 404, "access.not_found")
    stranger.refused(stranger.get(f"{API}/claims", {"request_no": KEY}), 404, "access.not_found")


def test_unknown_request_number_says_nothing_happened() -> None:
    world = world_make()
    response = world.api.get(f"{API}/claims", {"request_no": "never-sent-000000001"})
    problem = world.api.refused(response, 404, "access.not_found")
    assert problem["data"]["effect"] == "none"


def test_unknown_claim_is_not_found() -> None:
    world = world_make()
    path = f"{API}/claims/{to_public('clm', new_id())}"
    world.api.refused(world.api.get(path), 404, "access.not_found")


def test_english_is_answered_in_english() -> None:
    world = world_make()
    world.api.post(f"{API}/claims", world.claim_body())
    world.api.language = "en"
    problem = world.api.refused(
        world.api.post(f"{API}/claims", world.claim_body()), 409, "claim.person_limit"
    )
    assert problem["title"] == "The personal limit is reached"
