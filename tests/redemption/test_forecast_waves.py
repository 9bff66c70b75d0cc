"""The forecast where a wave opens with what was left, and where people have to be somewhere."""

from datetime import timedelta

import pytest

from tests.factories.definitions import document_make
from tests.redemption.test_forecast import SLOT, document, only, played


def test_people_are_where_the_batch_asks_them_to_be() -> None:
    beside = {"at_claim": True, "at_use": True, "regions": ["440100", "440000"]}
    batch = only(played(document(location=beside)))
    assert (batch.refused, batch.redeemed) == ({"claim.sold_out": 200}, 100)
    assert only(played(document(location=beside), away=1_000)).refused == {
        "claim.out_of_region": 300
    }


@pytest.mark.parametrize(("leftover", "opened"), [("KEEP", 40), ("NEXT_WAVE", 40 + 10 + 15)])
def test_a_wave_opens_with_what_the_one_before_left(leftover: str, opened: int) -> None:
    plan = document_make()
    (batch,) = plan["batches"]
    batch["rules"] = {
        **batch["rules"],
        "leftover": leftover,
    }
    batch["releases"] = [
        {
            "slot": SLOT.isoformat(),
            "units": 25,
            "closes_at": (SLOT + timedelta(hours=1)).isoformat(),
        },
        {"slot": (SLOT + timedelta(days=7)).isoformat(), "units": 40},
    ]
    # Fifteen claim the first wave; nobody uses his voucher, all expire after three days.
    first, second = only(played(plan, persons=15, use=0)).waves
    assert (first.released, first.claimed, first.left) == (25, 15, 10)
    assert (second.units, second.released) == (40, opened)
    # Used vouchers do not come back.
    used = only(played(plan, persons=15))
    assert used.redeemed == 30
    assert used.waves[1].released == (50 if leftover == "NEXT_WAVE" else 40)
