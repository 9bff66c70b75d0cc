"""Confirms that come after their hold has ended."""

from datetime import timedelta

import pytest

from redemption.models import ExceptionItem, Redemption
from redemption.services.confirm import redemptions_confirm
from redemption.services.unhold import redemptions_time_out
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    accepted,
    confirm_command,
    held_make,
    held_twice_too_long,
    shop_make,
)
from tests.redemption.test_hold_confirm import balance, codes, footprint

pytestmark = pytest.mark.django_db
LATE = AT + timedelta(seconds=300)


def test_a_late_confirm_is_honoured_while_the_voucher_is_free() -> None:
    shop = shop_make()
    redemption_id = held_make(shop)
    redemptions_time_out(now=AT + timedelta(seconds=120))
    accepted(
        redemptions_confirm(
            commands=[confirm_command(redemption_id, at=AT + timedelta(seconds=300))]
        )
    )
    row = Redemption.objects.get(pk=redemption_id)
    assert row.state == "CONFIRMED"
    assert balance(shop, "PAYABLE", row.payee_id) == [2_000, 700, 0]
    assert ExceptionItem.objects.count() == 0


def test_a_late_confirm_of_a_voucher_used_elsewhere_is_refused_and_listed() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    late = held_make(shop, voucher)
    other = held_make(shop, voucher, at=AT + timedelta(seconds=120))
    before = footprint()
    (outcome,) = redemptions_confirm(
        commands=[confirm_command(late, at=AT + timedelta(seconds=121), trade_no="W9")]
    )
    assert codes(outcome) == ["redemption.hold_expired"]
    assert footprint() == before
    item = ExceptionItem.objects.get()
    assert (item.kind, item.subject_id, item.amount_fen) == ("LATE_CONFIRM", str(late), 3_000)
    assert item.data["trade_no"] == "W9"
    accepted(redemptions_confirm(commands=[confirm_command(other, at=AT + timedelta(seconds=130))]))


def test_of_two_late_confirms_of_one_order_the_first_counts() -> None:
    shop = shop_make()
    one, other = held_twice_too_long(shop)
    first, second = redemptions_confirm(
        commands=[confirm_command(one, at=LATE), confirm_command(other, at=LATE)]
    )
    assert (first.outcome, codes(second)) == ("ACCEPTED", ["redemption.hold_expired"])
    assert ExceptionItem.objects.get().subject_id == str(other)
