"""Each check of the redemption room fires when its rule is broken."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.embedded.record import ServiceUrls
from redemption.checks import MONEY_CHECKS, RULE_CHECKS, STATE_CHECKS
from redemption.rules.items import Item
from redemption.services.refund import redemptions_refund
from redemption.services.unhold import redemptions_release
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    confirmed_make,
    held_make,
    refund_command,
    release_command,
    shop_make,
)
from tests.invariants.helpers import assert_fires, assert_sound, checks_failing, corrupt
from tests.redemption.test_hold_confirm import FREE, TWICE
from tests.support.moments import business_time_set
from vouchers.rules.benefit_model import ExchangeBenefit, PercentageBenefit

pytestmark = pytest.mark.broken_books

R, LINE, STEP = (
    "redemption_redemption",
    "redemption_redemptionline",
    "redemption_redemptionstep",
)
NAMES = [name for name, _, _ in (*STATE_CHECKS, *RULE_CHECKS, *MONEY_CHECKS)]


@pytest.fixture
def books(own_database: ServiceUrls) -> dict[str, UUID]:
    """Redemptions held, released, confirmed (one with a rest kept), refunded twice; all sound."""
    fifth = BatchPlan(benefit=PercentageBenefit(rate_bp=2_000), limits=(TWICE,), rules=FREE)
    rice = ExchangeBenefit(sku="RICE", name="米")
    exchange = BatchPlan(benefit=rice, limits=(TWICE,), rules=FREE)
    shop = shop_make(batches=[BatchPlan(limits=(TWICE,), rules=FREE), fifth, exchange])
    made = {
        "part": confirmed_make(shop, vouchers_issued(shop.live.batches[1])[0]),
        "exchanged": confirmed_make(
            shop,
            vouchers_issued(shop.live.batches[2])[0],
            order_fen=2_480,
            items=(Item(2_480, sku="RICE"),),
        ),
        "held": held_make(shop),
        "released": held_make(shop),
        "confirmed": confirmed_make(shop),
        "refunded": confirmed_make(shop),
    }
    accepted(redemptions_release(commands=[release_command(made["released"])]))
    for fen in (3_333, 3_333):
        accepted(redemptions_refund(commands=[refund_command(made["refunded"], fen)]))
    business_time_set(AT + timedelta(minutes=1))
    assert_sound()
    return made


def fires(name: str) -> None:
    """Assert that the check is among those that fire: corrupt books often break more than one."""
    assert name in checks_failing()


def test_every_check_of_the_room_is_proved() -> None:
    proved = set(re.findall(r'^    \w*fires\("([^"]+)"', Path(__file__).read_text("utf-8"), re.M))
    assert proved == set(NAMES)


def test_a_second_live_line(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {LINE} SET live = true WHERE redemption_id = %s",
        [books["released"]],
        disable=[LINE],
    )
    fires("redemption.one_live_line")


def test_a_hold_that_nobody_ends(books: dict[str, UUID]) -> None:
    business_time_set(AT + timedelta(hours=1, seconds=121))
    assert_fires("redemption.no_orphan_hold")


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE {R} SET last_step = 3 WHERE id = %s",
        f"UPDATE {R} SET state = 'TIMED_OUT' WHERE id = %s",
        f"UPDATE {STEP} SET kind = 'REFUND' WHERE redemption_id = %s AND seq = 2",
        f"UPDATE {STEP} SET seq = 5 WHERE redemption_id = %s AND seq = 2",
    ],
)
def test_steps_out_of_order(books: dict[str, UUID], change: str) -> None:
    corrupt(change, [books["released"]], disable=[R, STEP])
    fires("redemption.steps_follow")


def test_a_line_of_no_redemption(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {LINE} SET redemption_id = gen_random_uuid() WHERE redemption_id = %s",
        [books["released"]],
        disable=[LINE],
    )
    fires("redemption.no_orphan_reference")


def test_a_use_counted_twice(books: dict[str, UUID]) -> None:
    corrupt("UPDATE vouchers_limituse SET used = 0 WHERE used = 1")
    fires("redemption.limits_counted")


def test_confirmed_after_the_end(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {R} SET held_at = held_at + interval '80 hours',"
        " hold_expires_at = hold_expires_at + interval '80 hours' WHERE id = %s",
        [books["confirmed"]],
        disable=[R],
    )
    assert_fires("redemption.confirmed_in_validity")


HOURS_OF_USE: tuple[tuple[list[dict[str, object]], bool], ...] = (
    # The payment was held at 10:00 on a Friday.
    ([], True),
    ([{"opens": "10:00", "closes": "10:01", "weekdays": [5]}], True),
    ([{"opens": "22:00", "closes": "11:00", "weekdays": [4]}], True),
    ([{"opens": "22:00", "closes": "10:00", "weekdays": [4]}], False),
    ([{"opens": "22:00", "closes": "11:00", "weekdays": [5]}], False),
    ([{"opens": "10:00", "closes": "24:00", "weekdays": [4, 6]}], False),
    ([{"opens": "09:00", "closes": "10:00", "weekdays": []}], False),
)


def test_confirmed_outside_the_hours(books: dict[str, UUID]) -> None:
    for hours, sound in HOURS_OF_USE:
        corrupt(
            "UPDATE vouchers_batchversion SET rules = jsonb_set(rules, '{use,hours}', %s)",
            [json.dumps(hours)],
            disable=["vouchers_batchversion"],
        )
        failing = checks_failing()
        assert ("redemption.confirmed_in_hours" not in failing) == sound, hours
    fires("redemption.confirmed_in_hours")


@pytest.mark.parametrize("region", ["440103", "460100"])
def test_confirmed_elsewhere(books: dict[str, UUID], region: str) -> None:
    corrupt(
        f"UPDATE {R} SET store_region = %s WHERE id = %s",
        [region, books["confirmed"]],
        disable=[R],
    )
    fires("redemption.confirmed_in_region")


@pytest.mark.parametrize("rule", ["stores", "brands", "tiers"])
def test_confirmed_at_a_store_that_is_not_named(books: dict[str, UUID], rule: str) -> None:
    corrupt(
        """UPDATE vouchers_batchversion SET rules = jsonb_set(rules, ARRAY['use', %s], '["3A"]')""",
        [rule],
        disable=["vouchers_batchversion"],
    )
    fires("redemption.confirmed_in_scope")


def test_confirmed_below_the_threshold(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {R} SET order_fen = 9999, payable_fen = 6999 WHERE id = %s",
        [books["confirmed"]],
        disable=[R],
    )
    fires("redemption.confirmed_at_threshold")


def test_a_percentage_that_is_not_the_rates(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {R} SET order_fen = 10100, payable_fen = 8100 WHERE id = %s",
        [books["part"]],
        disable=[R],
    )
    fires("redemption.subsidy_as_ruled")


@pytest.mark.parametrize(
    "lines",
    [
        [{"sku": "RICE", "quantity": 2, "amount_fen": 2_480}],
        [{"sku": "RICE", "quantity": 1, "amount_fen": 2_479}],
        [{"sku": "OIL", "quantity": 1, "amount_fen": 2_480}],
        [],
    ],
)
def test_an_item_that_is_not_worth_what_was_paid_for_it(
    books: dict[str, UUID], lines: list[dict[str, Any]]
) -> None:
    corrupt(
        f"""UPDATE {STEP} SET detail = jsonb_set(detail, '{{items}}', %s)
            WHERE redemption_id = %s AND kind = 'HOLD'""",
        [json.dumps(lines), books["exchanged"]],
        disable=[STEP],
    )
    assert_fires("redemption.subsidy_as_ruled")


def test_confirmed_with_goods_that_do_not_count(books: dict[str, UUID]) -> None:
    corrupt(
        """UPDATE vouchers_batchversion SET rules = jsonb_set(rules, '{use,items}',
            '[{"sku": "6901", "category": "", "name": "米"}]')""",
        disable=["vouchers_batchversion"],
    )
    fires("redemption.confirmed_at_threshold")
    assert "redemption.subsidy_as_ruled" in checks_failing(), "20 % of nothing is nothing"


def test_tenders_that_are_not_what_was_paid(books: dict[str, UUID]) -> None:
    corrupt(
        f"""UPDATE {STEP} SET detail = jsonb_set(detail, '{{tenders}}',
            '[{{"kind": "CARD", "amount_fen": 6999}}]')
            WHERE redemption_id = %s AND kind = 'CONFIRM'""",
        [books["confirmed"]],
        disable=[STEP],
    )
    assert_fires("redemption.tenders_are_payment")


def test_a_rest_that_is_kept_with_other_money(books: dict[str, UUID]) -> None:
    corrupt(
        "UPDATE core_account SET balance_fen = balance_fen + 1 WHERE kind = 'EARMARKED'",
        disable=["core_account"],
    )
    fires("redemption.earmarked_money")


def test_a_rest_that_nobody_wrote_down(books: dict[str, UUID]) -> None:
    corrupt("DELETE FROM redemption_earmark", disable=["redemption_earmark"])
    assert_fires("redemption.earmarked_money")


def test_a_rest_that_is_kept_too_long(books: dict[str, UUID]) -> None:
    business_time_set(AT + timedelta(hours=74))
    fires("redemption.earmarked_money")


def test_money_held_for_nothing(books: dict[str, UUID]) -> None:
    corrupt(
        "UPDATE core_account SET balance_fen = balance_fen + 1 WHERE kind = 'HELD'",
        disable=["core_account"],
    )
    fires("redemption.held_money")


def test_an_entry_of_another_amount(books: dict[str, UUID]) -> None:
    corrupt(
        "UPDATE core_posting SET amount_fen = amount_fen + 1 WHERE entry_id ="
        f" (SELECT entry_id FROM {STEP} WHERE redemption_id = %s AND kind = 'CONFIRM')",
        [books["confirmed"]],
        disable=["core_posting"],
    )
    fires("redemption.steps_booked")


def test_a_refund_that_is_not_summed(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {R} SET refunded_order_fen = refunded_order_fen + 1 WHERE id = %s",
        [books["refunded"]],
        disable=[R],
    )
    assert_fires("redemption.refund_sums")


def test_a_refund_rounded_by_itself(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {STEP} SET payer_fen = payer_fen + 1 WHERE redemption_id = %s AND seq = 3",
        [books["refunded"]],
        disable=[STEP],
    )
    fires("redemption.refund_shares")


def test_a_funder_that_gets_more_than_it_gave(books: dict[str, UUID]) -> None:
    corrupt(
        f"UPDATE {STEP} SET parts = ARRAY[0, 0, 1000] WHERE redemption_id = %s AND seq = 3",
        [books["refunded"]],
        disable=[STEP],
    )
    fires("redemption.refund_parts")


def test_a_shop_with_every_state_is_sound(own_database: ServiceUrls) -> None:
    shop: Shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    confirmed_make(shop, voucher)
    business_time_set(AT)
    assert_sound()
