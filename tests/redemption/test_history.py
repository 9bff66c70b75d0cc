"""The history of a voucher tells every payment that used it."""

import pytest

from core.ids import from_public
from redemption.models import Redemption
from tests.redemption.api_world import pay_world

pytestmark = pytest.mark.django_db


def test_voucher_tells_hold_confirm_and_refund() -> None:
    world = pay_world()
    held = world.channel.post(
        "/api/v1/redemptions", world.hold(voucher_ids=[world.voucher_id])
    ).json()
    path = f"/api/v1/redemptions/{held['redemption_id']}"
    world.channel.post(
        f"{path}/confirm",
        {
            "paid_fen": held["payable_fen"],
            "channel_trade_no": "TRADE-1",
            "paid_at": "2026-03-06T10:00:30+08:00",
        },
    )
    world.channel.post(f"{path}/refunds", {"refund_no": "R-1", "order_fen": 5_000})
    body = world.channel.get(f"/api/v1/vouchers/{world.voucher_id}").json()
    assert [(event["kind"], event["amount_fen"]) for event in body["history"]] == [
        ("CLAIM", 3_000),
        ("HOLD", 3_000),
        ("CONFIRM", 3_000),
        ("REFUND", 1_500),
    ]
    assert {event["reference"] for event in body["history"][1:]} == {held["redemption_id"]}
    assert {event["place"] for event in body["history"][1:]} == {world.shop.store.name}
    assert Redemption.objects.get().pk == from_public("rdm", held["redemption_id"])
    assert body["state"] == "REDEEMED"
