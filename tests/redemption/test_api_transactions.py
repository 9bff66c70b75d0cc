"""POST /transactions: purchases without a voucher, and the return vouchers given for them."""

from datetime import timedelta
from typing import Any

import pytest

from core.access.models import Client
from core.access.operations import USUAL_OPERATIONS
from core.ids import to_public
from merchants.models import Transaction
from redemption.models import PaymentCode, Reward
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make
from tests.factories.redemption import AT
from tests.factories.returns import events_deliver, returns_shop
from tests.redemption.api_world import DEVICE, PayWorld, person_with_device
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import channel_make
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db
PATH = "/api/v1/transactions"


class Counter:
    """A shop with return vouchers for purchases, its till, and a channel with a person."""

    def __init__(self) -> None:
        self.shop, self.back = returns_shop(source="TRANSACTION")
        self.shop.client.operations = list(USUAL_OPERATIONS[Client.Kind.TERMINAL])
        self.shop.client.save(update_fields=["operations"])
        client = channel_make()
        self.person = person_with_device(client)
        self.till, self.channel = ApiCaller.of(self.shop.client), ApiCaller.of(client)
        business_time_set(AT)

    @property
    def person_id(self) -> str:
        return to_public("per", self.person.pk)

    def body(self, number: str = "T-1", **others: Any) -> dict[str, Any]:
        return {
            "transaction_no": number,
            "store_no": self.shop.store.store_no,
            "terminal_no": self.shop.terminal.terminal_no,
            "order_fen": 10_000,
            "flow": "MERCHANT_SCANS",
            "traded_at": AT.isoformat(),
            **others,
        }

    def code(self) -> str:
        path = f"/api/v1/persons/{self.person_id}/payment-codes"
        code: str = self.channel.post(path, {"device": DEVICE}).json()["payment_code"]
        return code


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_a_till_reports_a_purchase_and_the_customer_is_given_a_voucher(counter: Counter) -> None:
    code = counter.code()
    response = counter.till.post(PATH, counter.body(payment_code=code), key="till-key-00000001")
    assert response.status_code == 201
    answer = response.json()
    assert answer == {
        "transaction_id": answer["transaction_id"],
        "transaction_no": "T-1",
        "kind": "PURCHASE",
        "original_no": None,
        "order_fen": 10_000,
        "traded_at": "2026-03-06T10:00:00+08:00",
        "recorded_at": answer["recorded_at"],
    }
    row = Transaction.objects.get()
    assert PaymentCode.objects.get().transaction_id == row.pk
    found = counter.till.get(PATH, {"request_no": "till-key-00000001"}).json()
    assert (found["returns"], found["refunded_fen"]) == ([], 0)
    events_deliver()
    found = counter.till.get(f"{PATH}/{answer['transaction_id']}").json()
    assert [(one["state"], one["face_fen"], one["name"]) for one in found["returns"]] == [
        ("ISSUED", 1_000, counter.back.name)
    ]
    wallet = counter.channel.get("/api/v1/vouchers", {"person_id": counter.person_id}).json()
    assert [one["face_fen"] for one in wallet["items"]] == [1_000]

    again = counter.till.post(PATH, counter.body(payment_code=code), key="till-key-00000001")
    assert (again.status_code, again.json()) == (201, answer)
    assert again.headers["Idempotent-Replay"] == "true"
    other = counter.till.post(
        PATH, counter.body(payment_code=code, order_fen=1), key="till-key-00000001"
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")
    used = counter.till.post(PATH, counter.body("T-2", payment_code=code))
    assert used.json()["code"] == "code.used"
    hold = counter.body(payment_code=code) | {"order_no": "O-1"}
    del hold["transaction_no"], hold["traded_at"]
    assert counter.till.post("/api/v1/redemptions", hold).json()["code"] == "code.used"
    assert Transaction.objects.count() == Reward.objects.count() == 1


def test_a_refund_takes_it_back(counter: Counter) -> None:
    purchase = counter.body(person_id=counter.person_id)
    assert counter.channel.post(PATH, purchase).status_code == 201
    events_deliver()
    first = counter.body("R-1", original_no="T-1", order_fen=1_000)
    assert counter.channel.post(PATH, first).json()["original_no"] == "T-1"
    events_deliver()
    assert Reward.objects.get().state == "ISSUED"
    too_much = counter.channel.post(PATH, counter.body("R-2", original_no="T-1", order_fen=9_001))
    assert (too_much.status_code, too_much.json()["code"]) == (422, "refund.exceeds")
    assert too_much.json()["data"]["refundable_fen"] == 9_000
    assert (
        counter.channel.post(
            PATH, counter.body("R-3", original_no="T-1", order_fen=9_000)
        ).status_code
        == 201
    )
    events_deliver()
    assert Reward.objects.get().state == "VOIDED"
    assert Voucher.objects.get(batch=counter.back).state == "VOIDED"
    assert Transaction.objects.get(transaction_no="T-1").refunded_fen == 10_000


def test_without_a_person_it_only_counts_for_the_merchant(counter: Counter) -> None:
    assert counter.till.post(PATH, counter.body()).status_code == 201
    assert events_deliver() == 0
    assert not Reward.objects.exists()


def test_what_is_wrong_is_said_and_nothing_is_kept(counter: Counter) -> None:
    foreign = to_public("per", enrolment_make(client_make()).pk)
    purchase = counter.channel.post(PATH, counter.body("T-0"))
    assert purchase.status_code == 201
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"number": "T-0"}, 409, "transaction.number_taken"),
        ({"terminal_no": "99999999"}, 422, "redemption.terminal_unmapped"),
        ({"person_id": foreign}, 404, "access.not_found"),
        ({"original_no": "T-9"}, 404, "access.not_found"),
        ({"payment_code": "123456789012345678"}, 422, "code.foreign"),
        ({"order_fen": 0}, 400, "request.invalid_parameter"),
        ({"order_fen": 10**19}, 400, "request.invalid_parameter"),
        ({"traded_at": "yesterday"}, 400, "request.invalid_parameter"),
        ({"flow": "CASH"}, 400, "request.invalid_parameter"),
        ({"original_no": "T-1"}, 400, "request.invalid_parameter"),
        ({"person_id": counter.person_id, "original_no": "T-0"}, 400, "request.invalid_parameter"),
        (
            {"person_id": counter.person_id, "payment_code": "1"},
            400,
            "request.invalid_parameter",
        ),
        ({"payment_code": "1", "flow": "ONLINE"}, 400, "request.invalid_parameter"),
        ({"card_no": "6222020000000000000"}, 400, "request.invalid_parameter"),
    ]
    for change, status, code in wrong:
        response = counter.channel.post(PATH, counter.body(**change))
        assert (response.status_code, response.json()["code"]) == (status, code), change
    assert Transaction.objects.count() == 1


def test_another_client_does_not_see_it(counter: Counter) -> None:
    answer = counter.channel.post(PATH, counter.body(), key="channel-key-0001").json()
    other = ApiCaller.of(channel_make())
    assert other.get(f"{PATH}/{answer['transaction_id']}").status_code == 404
    assert other.get(PATH, {"request_no": "channel-key-0001"}).status_code == 404
    unknown = counter.channel.get(PATH, {"request_no": "another-key-0001"})
    assert (unknown.status_code, unknown.json()["data"]) == (404, {"effect": "none"})


def test_a_payment_with_a_voucher_tells_its_return_too() -> None:
    shop, back = returns_shop()
    world = PayWorld.of(shop)
    held = world.till.post("/api/v1/redemptions", world.hold(payment_code=world.code_make()))
    redemption = held.json()["redemption_id"]
    confirm = {
        "paid_fen": 7_000,
        "channel_trade_no": "W-1",
        "paid_at": (AT + timedelta(seconds=3)).isoformat(),
    }
    path = f"/api/v1/redemptions/{redemption}"
    assert world.till.post(f"{path}/confirm", confirm).status_code == 200
    assert world.till.get(path).json()["returns"] == []
    events_deliver()
    (given,) = world.till.get(path).json()["returns"]
    assert (given["state"], given["state_text"], given["name"]) == ("ISSUED", "已返券", back.name)
    assert set(given) == {
        "batch_id",
        "name",
        "face_fen",
        "state",
        "state_text",
        "refusals",
        "at",
    }
