"""Building batches: every fact once, lines to the fen, nothing early.

A voucher of 30.00 is funded 20.00 财政 : 7.00 bank : 3.00 merchant; 27.00 of it are settled.
"""

from datetime import date, timedelta

import chinese_calendar
import pytest

from core.calendar import CalendarYearUnknownError
from merchants.models import Acquirer
from redemption.settlement.errors import DayOpenError
from redemption.settlement.models import SettlementBatch, SettlementItem
from redemption.settlement.services.build import settlements_build
from tests.factories.campaigns import later
from tests.factories.redemption import AT, confirmed_make, held_make, shop_make
from tests.redemption.settlement.factories import (
    DAY,
    NIGHT,
    approved,
    balances,
    build,
    built,
    reduced,
)

pytestmark = pytest.mark.django_db
TWO_DAYS = timedelta(days=2)


def lines_of(batch: SettlementBatch) -> dict[str, tuple[int, int]]:
    """Return amount and fact count by kind of line."""
    return {line.kind: (line.amount_fen, line.fact_count) for line in batch.lines.all()}


def test_a_confirmed_subsidy_is_settled_without_the_merchants_own_part() -> None:
    shop = shop_make()
    confirmed_make(shop)
    confirmed_make(shop)
    held_make(shop)
    assert balances(shop)["PAYABLE"] == 5_400
    batch = built(shop)
    assert lines_of(batch) == {"POSITIVE": (5_400, 2)}
    assert (batch.positive_fen, batch.payout_fen, batch.fact_count, batch.payee_count) == (
        5_400,
        5_400,
        2,
        1,
    )
    assert (batch.business_date, batch.due_on) == (DAY, date(2026, 3, 9))
    line = batch.lines.get()
    assert dict(zip(line.funder_ids, line.parts, strict=True)) == {
        shop.live.funders[0].pk: 4_000,
        shop.live.funders[1].pk: 1_400,
    }
    assert balances(shop)["SETTLING"] == 5_400
    assert "PAYABLE" not in balances(shop)


def test_building_again_changes_nothing() -> None:
    shop = shop_make()
    confirmed_make(shop)
    built(shop)
    before = balances(shop)
    assert build(shop) is None
    assert settlements_build(now=NIGHT).batches == 0
    assert (SettlementBatch.objects.count(), balances(shop)) == (1, before)


def test_a_day_is_not_built_before_its_cut_off() -> None:
    shop = shop_make()
    confirmed_make(shop)
    with pytest.raises(DayOpenError):
        build(shop, now=AT.replace(hour=22, minute=59))
    assert (SettlementBatch.objects.count(), SettlementItem.objects.count()) == (0, 0)
    assert build(shop, now=AT.replace(hour=23)) is not None


def test_every_acquirer_gets_its_last_ended_day() -> None:
    one, two = shop_make(), shop_make()
    confirmed_make(one)
    confirmed_make(two)
    summary = settlements_build(now=NIGHT)
    assert (summary.batches, summary.facts, summary.payout_fen) == (2, 2, 5_400)


def test_an_acquirer_without_a_known_due_date_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shops = [shop_make() for _ in range(3)]
    for shop in shops:
        confirmed_make(shop)
    natural = {shops[0].terminal.acquirer_id, shops[2].terminal.acquirer_id}
    Acquirer.objects.filter(pk__in=natural).update(term_unit=Acquirer.TermUnit.NATURAL_DAY)

    def not_published(day: date) -> bool:
        raise NotImplementedError(day)

    monkeypatch.setattr(chinese_calendar, "is_workday", not_published)
    with pytest.raises(CalendarYearUnknownError):
        settlements_build(now=NIGHT)
    built_for = SettlementBatch.objects.values_list("acquirer_id", "payout_fen")
    assert dict(built_for) == dict.fromkeys(natural, 2_700)
    monkeypatch.undo()
    assert settlements_build(now=NIGHT).batches == 1


def test_facts_of_the_next_day_stay_for_the_next_batch() -> None:
    shop = shop_make()
    confirmed_make(shop)
    late = AT.replace(hour=23, minute=30)
    confirmed_make(shop, at=late)
    assert built(shop).fact_count == 1
    assert balances(shop)["PAYABLE"] == 2_700
    second = built(shop, DAY + timedelta(days=1), NIGHT + timedelta(days=1))
    assert lines_of(second) == {"POSITIVE": (2_700, 1)}


def test_a_refund_before_assignment_goes_with_its_payment() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    # On the next business date, before the batch of the first was built.
    reduced(redemption_id, 1_500, NIGHT)
    assert balances(shop)["PAYABLE"] == 1_350
    batch = built(shop)
    assert lines_of(batch) == {"POSITIVE": (1_350, 2)}
    assert balances(shop)["SETTLING"] == 1_350


def test_a_refund_after_assignment_is_a_negative_line_and_netted() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    approved(built(shop))
    reduced(first, 1_500, NIGHT)
    assert balances(shop)["MERCHANT_RECEIVABLE"] == 1_350
    confirmed_make(shop, at=later(days=1, hours=2))
    second = built(shop, DAY + timedelta(days=1), NIGHT + timedelta(days=1))
    assert lines_of(second) == {"POSITIVE": (2_700, 1), "NEGATIVE": (-1_350, 1)}
    assert second.payout_fen == 1_350
    # The first batch is approved, so its 27.00 are in transit.
    assert (balances(shop)["SETTLING"], balances(shop)["IN_TRANSIT"]) == (1_350, 2_700)
    assert "MERCHANT_RECEIVABLE" not in balances(shop)


def test_what_is_not_covered_is_carried_until_it_is() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    approved(built(shop))
    reduced(first, 3_000, NIGHT)
    day = DAY + timedelta(days=1)
    second = built(shop, day, NIGHT + timedelta(days=1))
    assert lines_of(second) == {"NEGATIVE": (-2_700, 1), "CARRY_OUT": (2_700, 0)}
    assert second.payout_fen == 0
    assert balances(shop)["MERCHANT_RECEIVABLE"] == 2_700
    # Nothing new: what is carried alone makes no batch.
    assert build(shop, day + timedelta(days=1), NIGHT + TWO_DAYS) is None
    confirmed_make(shop, at=later(days=2))
    confirmed_make(shop, at=later(days=2))
    third = built(shop, day + timedelta(days=1), NIGHT + TWO_DAYS)
    assert lines_of(third) == {"POSITIVE": (5_400, 2), "CARRY_IN": (-2_700, 0)}
    assert third.payout_fen == 2_700
    assert "MERCHANT_RECEIVABLE" not in balances(shop)


def test_older_facts_are_found_seven_days_back_and_beyond_on_demand() -> None:
    shop = shop_make()
    confirmed_make(shop)
    assert build(shop, DAY + timedelta(days=7), NIGHT + timedelta(days=7)) is None
    assert build(shop, DAY + timedelta(days=6), NIGHT + timedelta(days=6)) is not None
