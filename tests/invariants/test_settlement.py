"""Each check of settlement fires when its rule is broken."""

from datetime import timedelta

import pytest

from core.embedded.record import ServiceUrls
from tests.factories.campaigns import later
from tests.factories.redemption import Shop, confirmed_make, shop_make
from tests.invariants.helpers import checks_failing, corrupt
from tests.redemption.settlement.factories import DAY, NIGHT, built, paid, reduced

pytestmark = pytest.mark.broken_books

ITEM = "redemption_settlementitem"
LINE = "redemption_settlementline"
BATCH = "redemption_settlementbatch"
PAYOUT = "redemption_payout"
STEP = "redemption_redemptionstep"


@pytest.fixture
def shop(own_database: ServiceUrls) -> Shop:
    """A paid day, a netted refund on the next, and a payment that waits."""
    made = shop_make()
    first = confirmed_make(made)
    paid(built(made))
    reduced(first, 1_500, NIGHT)
    confirmed_make(made, at=later(days=1))
    built(made, DAY + timedelta(days=1), NIGHT + timedelta(days=1))
    confirmed_make(made, at=later(days=2))
    assert settlement_failing() == set()
    return made


def settlement_failing() -> set[str]:
    """Return the checks of settlement that do not hold."""
    return {name for name in checks_failing() if name.startswith("settlement.")}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("statement", "disable", "drop", "fires"),
    [
        (
            f"UPDATE {BATCH} SET state = 'REJECTED', approval_id = NULL"
            " WHERE business_date = '2026-03-07'",
            [BATCH],
            [],
            {"settlement.fact_in_one_line", "settlement.line_totals", "settlement.balances"},
        ),
        (
            f"UPDATE {STEP} SET detail = '{{\"booked_to\": \"PAYABLE\"}}' WHERE kind = 'REFUND'",
            [STEP],
            [],
            {"settlement.facts_together"},
        ),
        (
            f"UPDATE {ITEM} SET amount_fen = amount_fen + 1 WHERE amount_fen > 0",
            [ITEM],
            [],
            {"settlement.line_totals"},
        ),
        (
            f"UPDATE {BATCH} SET payout_fen = payout_fen + 1, positive_fen = positive_fen + 1"
            " WHERE business_date = '2026-03-07'",
            [BATCH],
            [],
            {"settlement.batch_totals"},
        ),
        (
            f"UPDATE {STEP} SET business_date = '2026-03-09' WHERE kind = 'CONFIRM'"
            " AND business_date = '2026-03-06'",
            [STEP],
            [],
            {"settlement.nothing_early"},
        ),
        (
            f"UPDATE {BATCH} SET due_on = '2026-03-20' WHERE business_date = '2026-03-06'",
            [BATCH],
            [],
            {"settlement.nothing_early"},
        ),
        (
            "UPDATE redemption_bankline SET amount_fen = amount_fen - 1",
            ["redemption_bankline"],
            [],
            {"settlement.paid_within_settled"},
        ),
        (
            f"UPDATE {PAYOUT} SET state = 'SENT'",
            [PAYOUT],
            [],
            {"settlement.paid_within_settled", "settlement.balances"},
        ),
        (
            f"DELETE FROM {ITEM} WHERE amount_fen < 0",
            [ITEM],
            [],
            {"settlement.line_totals", "settlement.balances"},
        ),
        (
            "UPDATE core_account SET balance_fen = balance_fen + 1 WHERE kind = 'PAYABLE'",
            [],
            [],
            {"settlement.balances"},
        ),
    ],
)
def test_a_broken_rule_is_found(
    statement: str, disable: list[str], drop: list[tuple[str, str]], fires: set[str]
) -> None:
    corrupt(statement, disable=disable, drop=drop)
    assert settlement_failing() == fires


@pytest.mark.usefixtures("shop")
def test_a_fact_left_behind_is_found() -> None:
    corrupt(
        f"UPDATE {STEP} SET business_date = '2026-02-20' WHERE kind = 'CONFIRM'"
        " AND business_date = '2026-03-08'",
        disable=[STEP],
    )
    assert settlement_failing() == {"settlement.nothing_left_behind"}
