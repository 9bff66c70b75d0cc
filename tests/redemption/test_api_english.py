"""What an English-speaking app developer is told of a call that is wrong, word for word."""

from dataclasses import replace

import pytest

from tests.redemption.api_world import pay_world
from tests.redemption.test_api import REDEMPTIONS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]


def test_reasons_of_parameters_come_in_the_callers_language() -> None:
    world = pay_world()
    english = replace(world.till, language="en")
    body = world.hold(payment_code=world.code_make())
    for changes, reasons in (
        (
            {"order_fen": "many", "other_discount_fen": -1},
            [
                {"name": "order_fen", "reason": "Must be a whole number"},
                {"name": "other_discount_fen", "reason": "Must not be below the limit", "limit": 0},
            ],
        ),
        ({"fee": 1}, [{"name": "fee", "reason": "Unknown field"}]),
    ):
        told = english.refused(
            english.post(REDEMPTIONS, body | changes), 400, "request.invalid_parameter"
        )
        assert told["title"] == "A request parameter is invalid"
        assert told["invalid_params"] == reasons
    both = english.refused(
        english.post(REDEMPTIONS, body | {"person_id": world.person_id}),
        400,
        "request.invalid_parameter",
    )
    reason = "Give exactly one of payment_code, person_id and voucher_ids"
    assert {one["reason"] for one in both["invalid_params"]} == {reason}
    key = english.refused(
        english.post(REDEMPTIONS, body, key="short"), 400, "request.invalid_parameter"
    )
    assert [one["reason"] for one in key["invalid_params"]] == [
        "Must be 16–64 letters, digits, underscores or hyphens"
    ]
