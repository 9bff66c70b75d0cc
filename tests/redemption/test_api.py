"""The redemption API: from payment code to refund, replays to the byte, visibility, bad input."""

from datetime import timedelta
from typing import Any

import pytest

from core.ids import to_public
from redemption.models import PaymentCode
from tests.factories.redemption import AT, shop_make
from tests.redemption.api_world import DEVICE, PayWorld, pay_world
from tests.redemption.test_hold_confirm import footprint
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import body_of, channel_make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
REDEMPTIONS = "/api/v1/redemptions"
KEY = "request-0000000000000001"
PAID = {
    "paid_fen": 7_000,
    "channel_trade_no": "W-1",
    "paid_at": "2026-03-06T10:00:20+08:00",
}


def held(world: PayWorld) -> str:
    """Hold at the till by a payment code; return the redemption's id."""
    response = world.till.post(REDEMPTIONS, world.hold(payment_code=world.code_make()))
    redemption_id: str = body_of(response, 201)["redemption_id"]
    return redemption_id


def confirmed(world: PayWorld) -> str:
    """Hold and confirm at the till; return the redemption's id."""
    redemption_id = held(world)
    body_of(world.till.post(f"{REDEMPTIONS}/{redemption_id}/confirm", PAID))
    return redemption_id


def test_one_scan_at_the_till_from_code_to_refund() -> None:
    world = pay_world()
    code = world.channel.post(world.codes_path, {"device": DEVICE})
    made = body_of(code, 201)
    assert made["expires_at"] == "2026-03-06T10:01:00+08:00"
    assert len(made["numeric_code"]) == 18
    held_now = body_of(
        world.till.post(REDEMPTIONS, world.hold(payment_code=made["payment_code"])), 201
    )
    redemption_id = held_now.pop("redemption_id")
    assert held_now == {
        "order_no": "T-1",
        "order_fen": 10_000,
        "other_discount_fen": 0,
        "subsidy_fen": 3_000,
        "payable_fen": 7_000,
        "vouchers": [{"voucher_id": world.voucher_id, "name": "满100减30", "used_fen": 3_000}],
        "held_at": "2026-03-06T10:00:00+08:00",
        "hold_expires_at": "2026-03-06T10:02:00+08:00",
    }
    paid = body_of(world.till.post(f"{REDEMPTIONS}/{redemption_id}/confirm", PAID))
    assert [part["amount_fen"] for part in paid["funders"]] == [2_000, 700, 300]
    assert (paid["paid_fen"], paid["channel_trade_no"]) == (7_000, "W-1")
    assert paid["cancellable_until"] == "2026-03-06T23:00:00+08:00"
    assert paid["payout_expected_on"] == "2026-03-09"
    refund_path = f"{REDEMPTIONS}/{redemption_id}/refunds"
    body = {"refund_no": "R-1", "order_fen": 5_000}
    before = footprint()
    tried = body_of(world.till.post(refund_path, body, query="dry_run=true"))
    assert footprint() == before
    done = body_of(world.till.post(refund_path, body), 201)
    for answer in (tried, done):
        assert (answer["payer_fen"], answer["subsidy_fen"]) == (3_500, 1_500)
        assert answer["voucher_fate"] == "KEPT_USED"
    assert done["refunded_order_fen"] == 5_000
    truth = body_of(world.till.get(f"{REDEMPTIONS}/{redemption_id}"))
    assert (truth["state"], truth["refundable_fen"]) == ("CONFIRMED", 5_000)
    assert [step["kind"] for step in truth["steps"]] == ["HOLD", "CONFIRM", "REFUND"]
    assert truth["person_id"] is None


def test_replays_are_the_first_answer_to_the_byte_whatever_has_changed() -> None:
    world = pay_world()
    body = world.hold(payment_code=world.code_make())
    calls: list[tuple[str, Any]] = [(REDEMPTIONS, body)]
    first = world.till.post(REDEMPTIONS, body, key=KEY)
    redemption_id = first.json()["redemption_id"]
    calls += [
        (f"{REDEMPTIONS}/{redemption_id}/confirm", PAID),
        (f"{REDEMPTIONS}/{redemption_id}/refunds", {"refund_no": "R-1", "order_fen": 100}),
        (f"{REDEMPTIONS}/{redemption_id}/refunds", {"refund_no": "R-2", "order_fen": 200}),
    ]
    keys = [f"{KEY}{number}" for number in range(len(calls))]
    keys[0] = KEY
    answers = [first]
    answers += [
        world.till.post(path, sent, key=key)
        for (path, sent), key in zip(calls[1:], keys[1:], strict=True)
    ]
    business_time_set(AT + timedelta(days=400))
    before = footprint()
    for (path, sent), key, answer in zip(calls, keys, answers, strict=True):
        again = world.till.post(path, sent, key=key)
        assert (again.status_code, again.content) == (answer.status_code, answer.content)
        assert again["Idempotent-Replay"] == "true"
        assert "Idempotent-Replay" not in answer
    assert footprint() == before


def test_release_and_cancel() -> None:
    world = pay_world()
    released = held(world)
    body_of(world.till.post(f"{REDEMPTIONS}/{released}/release", {}))
    redemption_id = confirmed(world)
    cancelled = body_of(world.till.post(f"{REDEMPTIONS}/{redemption_id}/cancel", {}))
    assert (cancelled["payer_fen"], cancelled["voucher_fate"]) == (7_000, "RETURNED")
    response = world.till.post(f"{REDEMPTIONS}/{redemption_id}/cancel", {})
    problem = world.till.refused(response, 409, "redemption.state_conflict")
    assert problem["data"]["state"] == "CANCELLED"


def test_the_cancel_window_says_why_it_is_closed() -> None:
    world = pay_world()
    redemption_id = confirmed(world)
    business_time_set(AT + timedelta(days=1))
    response = world.till.post(f"{REDEMPTIONS}/{redemption_id}/cancel", {})
    problem = world.till.refused(response, 409, "redemption.cancel_window_closed")
    assert problem["data"]["blocker"] == "CUTOFF"
    assert problem["detail"] == "不能撤销：已过日切时间。"


def test_a_payment_code_is_for_one_hold_and_sixty_seconds() -> None:
    world = pay_world()
    code = world.code_make()
    world.till.post(REDEMPTIONS, world.hold(payment_code=code))
    second = world.till.post(REDEMPTIONS, world.hold(payment_code=code))
    world.till.refused(second, 409, "code.used")
    late = world.code_make()
    business_time_set(AT + timedelta(seconds=60))
    before = footprint()
    expired = world.till.post(REDEMPTIONS, world.hold(payment_code=late))
    world.till.refused(expired, 409, "code.expired")
    for strange in ("XFQ" + "0" * 32, "4" * 18, "hello"):
        foreign = world.till.post(REDEMPTIONS, world.hold(payment_code=strange))
        world.till.refused(foreign, 422, "code.foreign")
    assert footprint() == before


def test_the_numeric_code_works_and_a_mistyped_one_does_not() -> None:
    world = pay_world()
    numeric = world.channel.post(world.codes_path, {"device": DEVICE}).json()["numeric_code"]
    wrong = numeric[:-1] + str((int(numeric[-1]) + 1) % 10)
    response = world.till.post(REDEMPTIONS, world.hold(payment_code=wrong))
    world.till.refused(response, 422, "code.foreign")
    body_of(world.till.post(REDEMPTIONS, world.hold(payment_code=numeric)), 201)


def test_a_repeated_request_for_a_code_gives_the_same_code() -> None:
    world = pay_world()
    first = world.channel.post(world.codes_path, {"device": DEVICE}, key=KEY)
    business_time_set(AT + timedelta(minutes=5))
    again = world.channel.post(world.codes_path, {"device": DEVICE}, key=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replay"] == "true"
    assert PaymentCode.objects.count() == 1
    other = world.channel.post(
        world.codes_path, {"device": DEVICE, "voucher_id": world.voucher_id}, key=KEY
    )
    world.channel.refused(other, 422, "idempotency.key_reused")


def test_only_a_registered_device_makes_a_code() -> None:
    world = pay_world()
    response = world.channel.post(world.codes_path, {"device": "another-device-1"})
    world.channel.refused(response, 409, "code.device_mismatch")
    assert PaymentCode.objects.count() == 0


def test_a_code_shown_on_another_device_is_refused() -> None:
    world = pay_world()
    body = world.hold(payment_code=world.code_make(), device="another-device-1")
    world.till.refused(world.till.post(REDEMPTIONS, body), 409, "code.device_mismatch")
    body["device"] = DEVICE
    body_of(world.till.post(REDEMPTIONS, body), 201)


def test_a_pinned_code_uses_its_voucher_only() -> None:
    world = pay_world()
    code = world.code_make(voucher_id=world.voucher_id)
    answer = body_of(world.till.post(REDEMPTIONS, world.hold(payment_code=code)), 201)
    assert answer["vouchers"][0]["voucher_id"] == world.voucher_id


def test_visibility_of_persons_vouchers_and_redemptions() -> None:
    world = pay_world()
    stranger = ApiCaller.of(channel_make())
    before = footprint()
    for body in (
        world.hold(person_id=world.person_id),
        world.hold(voucher_ids=[world.voucher_id]),
    ):
        for caller in (stranger, world.till):
            code = "access.not_found" if "person_id" in body else "voucher.not_found"
            caller.refused(caller.post(REDEMPTIONS, body), 404, code)
    codes = stranger.post(world.codes_path, {"device": DEVICE})
    stranger.refused(codes, 404, "access.not_found")
    assert footprint() == before
    redemption_id = confirmed(world)
    path = f"{REDEMPTIONS}/{redemption_id}"
    seen = body_of(world.channel.get(path))
    assert seen["person_id"] == world.person_id
    assert [step["request_no"] for step in seen["steps"]] == [None, None]
    stranger.refused(stranger.get(path), 404, "access.not_found")
    before = footprint()
    for action, sent in (
        ("confirm", PAID),
        ("release", {}),
        ("cancel", {}),
        ("refunds", {"refund_no": "R", "order_fen": 1}),
    ):
        for caller in (stranger, world.channel):
            caller.refused(caller.post(f"{path}/{action}", sent), 404, "access.not_found")
    assert footprint() == before


def test_the_truth_by_request_and_by_order() -> None:
    world = pay_world()
    none = world.till.get(REDEMPTIONS, {"request_no": KEY})
    assert world.till.refused(none, 404, "access.not_found")["data"]["effect"] == "none"
    made = world.till.post(REDEMPTIONS, world.hold(payment_code=world.code_make()), key=KEY)
    for query in ({"request_no": KEY}, {"order_no": "T-1"}):
        found = body_of(world.till.get(REDEMPTIONS, query))
        assert found["redemption_id"] == made.json()["redemption_id"]
        assert (found["state"], found["refundable_fen"]) == ("HELD", 0)
    business_time_set(AT + timedelta(seconds=120))
    assert world.till.get(REDEMPTIONS, {"order_no": "T-1"}).json()["state"] == "TIMED_OUT"
    both = world.till.get(REDEMPTIONS, {"request_no": KEY, "order_no": "T-1"})
    world.till.refused(both, 400, "request.invalid_parameter")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_fen": 0}, "order_fen"),
        ({"order_fen": 10.5}, "order_fen"),
        ({"order_fen": "10000"}, "order_fen"),
        ({"order_fen": 10**16}, "order_fen"),
        ({"other_discount_fen": 10_001}, "other_discount_fen"),
        ({"other_discount_fen": 500, "bank_discount_fen": 501}, "bank_discount_fen"),
        ({"flow": "BARTER"}, "flow"),
        ({"flow": "ONLINE"}, "flow"),
        ({"card_bin": "62284"}, "card_bin"),
        ({"order_no": "a b"}, "order_no"),
        ({"surprise": 1}, "surprise"),
        ({"person_id": "per_00000000000000000000000000"}, "payment_code"),
        ({"location": {"region_code": "999999"}}, "location.region_code"),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(change: dict[str, Any], field: str) -> None:
    world = pay_world()
    before = footprint()
    body = world.hold(payment_code="XFQ" + "0" * 32) | change
    problem = world.till.refused(
        world.till.post(REDEMPTIONS, body), 400, "request.invalid_parameter"
    )
    assert field in [param["name"] for param in problem["invalid_params"]]
    assert footprint() == before


def test_tenders_add_up_to_what_was_paid() -> None:
    world = pay_world()
    path = f"{REDEMPTIONS}/{held(world)}/confirm"
    wrong = PAID | {"tenders": [{"kind": "CARD", "amount_fen": 6_999}]}
    world.till.refused(world.till.post(path, wrong), 400, "request.invalid_parameter")
    right = PAID | {
        "tenders": [{"kind": "CARD", "amount_fen": 6_000}, {"kind": "CASH", "amount_fen": 1_000}]
    }
    body_of(world.till.post(path, right))
    shown = body_of(world.till.get(path.removesuffix("/confirm")))
    assert shown["tenders"] == [
        {"kind": "VOUCHER", "amount_fen": 3_000},
        {"kind": "CARD", "amount_fen": 6_000},
        {"kind": "CASH", "amount_fen": 1_000},
    ]


def test_an_order_is_paid_with_voucher_offers_and_the_payers_money() -> None:
    world = pay_world()
    offers = {"order_fen": 11_500, "other_discount_fen": 1_500, "bank_discount_fen": 1_000}
    body = world.hold(payment_code=world.code_make()) | offers
    path = f"{REDEMPTIONS}/{body_of(world.till.post(REDEMPTIONS, body), 201)['redemption_id']}"
    body_of(world.till.post(f"{path}/confirm", PAID))
    shown = body_of(world.till.get(path))
    assert shown["bank_discount_fen"] == 1_000
    assert shown["tenders"] == [
        {"kind": "VOUCHER", "amount_fen": 3_000},
        {"kind": "MERCHANT_OFFER", "amount_fen": 500},
        {"kind": "BANK_OFFER", "amount_fen": 1_000},
        {"kind": "PAYER", "amount_fen": 7_000},
    ]


def test_a_wrong_amount_names_both() -> None:
    world = pay_world()
    path = f"{REDEMPTIONS}/{held(world)}/confirm"
    response = world.till.post(path, PAID | {"paid_fen": 6_999})
    problem = world.till.refused(response, 422, "redemption.amount_mismatch")
    assert problem["detail"] == "应付 70.00 元，实付 69.99 元。"


def test_another_acquirers_terminal_is_unmapped_for_this_till() -> None:
    world = pay_world()
    other = shop_make()
    body = world.hold(payment_code=world.code_make()) | {
        "store_no": other.store.store_no,
        "terminal_no": other.terminal.terminal_no,
    }
    before = footprint()
    response = world.till.post(REDEMPTIONS, body)
    world.till.refused(response, 422, "redemption.terminal_unmapped")
    assert footprint() == before


def test_unknown_redemptions_are_not_found() -> None:
    world = pay_world()
    unknown = to_public("rdm", world.voucher.pk)
    for path in (unknown, "rdm_x", "vch_00000000000000000000000000"):
        world.till.refused(world.till.get(f"{REDEMPTIONS}/{path}"), 404, "access.not_found")
        response = world.till.post(f"{REDEMPTIONS}/{path}/confirm", PAID)
        world.till.refused(response, 404, "access.not_found")
