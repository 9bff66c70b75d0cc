"""The forecast of caps of all people together, and of vouchers that payments are given."""

import pytest

from core.errors import InvalidParametersError
from tests.redemption.test_forecast import document, only, played
from tests.vouchers.test_return_rules import returning_document


def test_a_cap_ends_the_day() -> None:
    forecast = only(played(document(caps=[{"code": "day", "scope": "BATCH", "units": 40}])))
    (wave,) = forecast.waves
    assert (wave.claimed, wave.refused["claim.daily_cap_reached"]) == (40, 260)
    by_amount = document(caps=[{"code": "day", "scope": "BATCH", "amount_fen": 100_000}])
    assert only(played(by_amount)).claimed == 33


def test_every_payment_that_counts_is_given_one() -> None:
    plan = returning_document(use={"whitelist": False})
    limits = plan["batches"][1]["rules"]["limits"]
    plan["batches"][1]["rules"]["limits"] = [{**limits[0], "code": "back", "scope": "BATCH"}]
    first, back = played(plan, comeback=0).batches
    assert first.claimed == 90
    # Thirty are there, for ninety payments of 150.00.
    assert (first.redeemed, back.claimed) == (90, 30)
    plan = returning_document(use={"whitelist": False}, from_fen=15_001)
    _first, back = played(plan, comeback=0).batches
    assert back.claimed == 0


def test_a_campaign_that_nobody_can_claim_from_has_no_forecast() -> None:
    plan = returning_document(source="TRANSACTION", batches=[])
    plan["batches"] = plan["batches"][1:]
    with pytest.raises(InvalidParametersError) as refused:
        played(plan)
    assert refused.value.invalid_params[0].name == "campaign"
