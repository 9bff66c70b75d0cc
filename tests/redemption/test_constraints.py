"""What the database itself refuses, whoever asks: raw SQL as the application's role."""

from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from redemption.models import Redemption
from redemption.services.refund import redemptions_refund
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    Shop,
    confirmed_make,
    held_make,
    refund_command,
    shop_make,
)
from tests.redemption.api_world import pay_world
from tests.redemption.test_hold_confirm import footprint

pytestmark = pytest.mark.django_db
R, LINE, STEP = (
    "redemption_redemption",
    "redemption_redemptionline",
    "redemption_redemptionstep",
)


def refused(statement: str, *values: UUID | str | int, by: str) -> None:
    """Assert that the statement fails for the reason named and leaves everything as it was."""
    before = footprint()
    with (
        pytest.raises(DatabaseError, match=by),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, values)
    assert footprint() == before


@pytest.fixture
def made() -> tuple[Shop, UUID]:
    """A confirmed redemption of 100.00 with 30.00 of subsidy, 50.00 refunded."""
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    redemptions_refund(commands=[refund_command(redemption_id, 5_000)])
    return shop, redemption_id


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("order_fen = order_fen + 1, payable_fen = payable_fen + 1", "Cannot update"),
        ("held_at = held_at - interval '1 day'", "Cannot update"),
        ("payee_id = gen_random_uuid()", "Cannot update"),
        ("refunded_order_fen = order_fen + 1", "redemption_refunds"),
        ("refunded_payer_fen = payable_fen + 1", "redemption_refunds"),
        ("refunded_subsidy_fen = subsidy_fen + 1", "redemption_refunds"),
        ("refund_count = 51", "redemption_refunds"),
        ("confirmed_at = NULL", "redemption_confirmed_at"),
        ("state = 'HELD'", "Invalid transition"),
        ("state = 'RELEASED'", "Invalid transition"),
        ("state = 'TIMED_OUT'", "Invalid transition"),
    ],
)
def test_a_redemption_keeps_its_amounts_and_states(
    made: tuple[Shop, UUID], change: str, by: str
) -> None:
    refused(f"UPDATE {R} SET {change} WHERE id = %s", made[1], by=by)


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ({"payable_fen": "payable_fen + 1"}, "redemption_amounts"),
        ({"subsidy_fen": "0", "payable_fen": "payable_fen + 3000"}, "redemption_amounts"),
        ({"order_fen": "2999", "payable_fen": "-1"}, "redemption_amounts"),
        ({"hold_expires_at": "held_at"}, "redemption_hold_life"),
    ],
)
def test_amounts_add_up_from_the_start(
    made: tuple[Shop, UUID], change: dict[str, str], by: str
) -> None:
    names = [str(field.column) for field in Redemption._meta.concrete_fields]
    columns = {name: name for name in names}
    columns |= {"id": "gen_random_uuid()"} | change
    copied = (
        f"INSERT INTO {R} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {R}"
        " WHERE id = %s"
    )
    refused(copied, made[1], by=by)


def test_no_redemption_is_deleted(made: tuple[Shop, UUID]) -> None:
    refused(f"DELETE FROM {R} WHERE id = %s", made[1], by="Cannot delete")
    refused(f"DELETE FROM {LINE} WHERE redemption_id = %s", made[1], by="Cannot delete")


@pytest.mark.usefixtures("two_roles")
@pytest.mark.parametrize("verb", ["UPDATE {} SET payer_fen = 0", "DELETE FROM {}"])
def test_steps_are_append_only(made: tuple[Shop, UUID], verb: str) -> None:
    refused(verb.format(STEP) + " WHERE redemption_id = %s", made[1], by="permission denied")


@pytest.mark.usefixtures("two_roles")
def test_facts_are_not_truncated(made: tuple[Shop, UUID]) -> None:
    refused(f"TRUNCATE {STEP}", by="permission denied")


def test_a_line_never_changes_but_for_its_life(made: tuple[Shop, UUID]) -> None:
    for change in ("used_fen = 1", "parts = ARRAY[1]", "voucher_id = gen_random_uuid()"):
        refused(f"UPDATE {LINE} SET {change} WHERE redemption_id = %s", made[1], by="Cannot update")


def test_a_voucher_has_one_live_line(made: tuple[Shop, UUID]) -> None:
    shop, redemption_id = made
    other = held_make(shop)
    copied = (
        f"INSERT INTO {LINE} (redemption_id, voucher_id, batch_id, used_fen, parts, live)"
        " SELECT %s, voucher_id, batch_id, used_fen, parts, true"
        f" FROM {LINE} WHERE redemption_id = %s"
    )
    refused(copied, other, redemption_id, by="redemption_line_one_live")


def test_parts_are_the_amount(made: tuple[Shop, UUID]) -> None:
    shop, redemption_id = made
    (voucher,) = vouchers_issued(shop.batch)
    refused(
        f"INSERT INTO {LINE} (redemption_id, voucher_id, batch_id, used_fen, parts, live)"
        " VALUES (%s, %s, %s, 3000, ARRAY[2000, 700, 299], false)",
        redemption_id,
        voucher.pk,
        shop.batch.pk,
        by="redemption_line_parts_are_used",
    )


COPY = (
    f"INSERT INTO {STEP} (id, redemption_id, seq, kind, client_id, idempotency_key, fingerprint,"
    " order_fen, payer_fen, subsidy_fen, funder_ids, parts, reference, voucher_fate, entry_id,"
    " business_date, at, detail) SELECT gen_random_uuid(), redemption_id, {seq}, kind, client_id,"
    " {key}, fingerprint, order_fen, payer_fen, {subsidy}, funder_ids, {parts}, reference,"
    f" voucher_fate, {{entry}}, business_date, at, detail FROM {STEP}"
    " WHERE redemption_id = %s AND kind = 'CONFIRM'"
)
SAME = {
    "seq": "9",
    "key": "'a-fresh-key-0000001'",
    "subsidy": "subsidy_fen",
    "parts": "parts",
    "entry": "entry_id",
}


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ({"seq": "seq"}, "redemption_step_seq"),
        ({"key": "idempotency_key"}, "redemption_step_key_once"),
        ({"subsidy": "subsidy_fen + 1"}, "redemption_step_parts_are_subsidy"),
        ({"parts": "parts[1:2]"}, "redemption_step_parts_are_subsidy"),
        ({"entry": "NULL"}, "redemption_step_entry"),
    ],
)
def test_a_step_is_whole_and_keyed_once(
    made: tuple[Shop, UUID], change: dict[str, str], by: str
) -> None:
    refused(COPY.format(**SAME | change), made[1], by=by)


def test_a_payment_code_is_used_by_a_redemption_or_not_at_all() -> None:
    world = pay_world()
    world.code_make()
    refused("UPDATE redemption_paymentcode SET used_at = created_at", by="payment_code_used_by")
    refused("UPDATE redemption_paymentcode SET expires_at = created_at", by="payment_code_life")


@pytest.mark.usefixtures("two_roles")
def test_no_balance_follows_but_from_postings(made: tuple[Shop, UUID]) -> None:
    refused(
        "UPDATE core_account SET balance_fen = balance_fen + 1 WHERE kind = 'PAYABLE'",
        by="permission denied",
    )
