"""Cancel and refund through the services: golden amounts, where the money goes, no side effect."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from core.clock import TIME_ZONE
from core.ledger.models import Account
from redemption.models import Redemption, RedemptionStep
from redemption.services.cancel import redemptions_cancel
from redemption.services.refund import redemptions_refund, refund_preview
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    cancel_command,
    confirmed_make,
    held_make,
    refund_command,
    shop_make,
)
from tests.redemption.test_hold_confirm import FREE, TWICE, balance, codes, footprint
from vouchers.models import Batch, LimitUse, Voucher

pytestmark = pytest.mark.django_db
SOON = AT + timedelta(minutes=10)


def payable(shop: Shop, redemption_id: UUID) -> list[int]:
    """Return what is owed to the redemption's payee, by funder."""
    return balance(shop, "PAYABLE", Redemption.objects.get(pk=redemption_id).payee_id)


def test_a_full_refund_in_validity_gives_the_voucher_back() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    concession = balance(shop, "CONCESSION")
    redemption_id = confirmed_make(shop, voucher)
    (outcome,) = redemptions_refund(commands=[refund_command(redemption_id, 10_000, at=SOON)])
    assert outcome.fact is not None
    assert (outcome.fact.payer_fen, outcome.fact.subsidy_fen) == (7_000, 3_000)
    assert [part.amount_fen for part in outcome.fact.funders] == [2_000, 700, 300]
    assert outcome.fact.voucher_fate == "RETURNED"
    before = voucher.valid_until
    voucher.refresh_from_db()
    assert (voucher.state, voucher.valid_until) == ("ACTIVE", before)
    assert payable(shop, redemption_id) == [0, 0, 0]
    assert balance(shop, "OUTSTANDING") == [2_000, 700, 300]
    assert balance(shop, "CONCESSION") == concession
    assert Redemption.objects.get(pk=redemption_id).state == "CONFIRMED"
    # It can be used again.
    confirmed_make(shop, voucher, at=SOON + timedelta(minutes=1))


def test_a_full_refund_after_expiry_expires_the_voucher() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    (outcome,) = redemptions_refund(
        commands=[refund_command(redemption_id, 10_000, at=voucher.valid_until)]
    )
    assert outcome.fact is not None
    assert (outcome.fact.payer_fen, outcome.fact.voucher_fate) == (7_000, "EXPIRED")
    voucher.refresh_from_db()
    assert voucher.state == "EXPIRED"
    assert balance(shop, "ALLOCATED") == [2_000, 700, 300]
    assert balance(shop, "OUTSTANDING") == [0, 0, 0]
    assert Batch.objects.get(pk=shop.batch.pk).returned_units == 1


def test_half_goes_back_to_payer_and_pool_and_the_voucher_stays_used() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    (outcome,) = redemptions_refund(commands=[refund_command(redemption_id, 5_000, at=SOON)])
    assert outcome.fact is not None
    assert (outcome.fact.payer_fen, outcome.fact.subsidy_fen) == (3_500, 1_500)
    assert outcome.fact.voucher_fate == "KEPT_USED"
    # Nested: floor(1500·2000/3000) = 1000, floor(500·700/1000) = 350, the rest 150.
    assert [part.amount_fen for part in outcome.fact.funders] == [1_000, 350, 150]
    voucher.refresh_from_db()
    assert voucher.state == "REDEEMED"
    assert payable(shop, redemption_id) == [1_000, 350, 0]
    assert balance(shop, "ALLOCATED") == [1_000, 350, 150]


def test_thirds_in_one_call_are_decided_one_after_the_other() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    outcomes = redemptions_refund(
        commands=[refund_command(redemption_id, fen, at=SOON) for fen in (3_333, 3_333, 3_334)]
    )
    assert [one.fact and one.fact.payer_fen for one in outcomes] == [2_333, 2_333, 2_334]
    assert [one.fact and one.fact.subsidy_fen for one in outcomes] == [1_000] * 3
    row = Redemption.objects.get(pk=redemption_id)
    assert (row.refunded_order_fen, row.refunded_payer_fen, row.refunded_subsidy_fen) == (
        10_000,
        7_000,
        3_000,
    )
    assert payable(shop, redemption_id) == [0, 0, 0]
    assert sum(balance(shop, "ALLOCATED")) == 3_000


def test_fifty_refunds_of_five_fen_and_not_one_more() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    outcomes = redemptions_refund(
        commands=[refund_command(redemption_id, 5, at=SOON) for _ in range(51)]
    )
    assert sum(one.fact.payer_fen for one in outcomes if one.fact) == 175
    assert codes(outcomes[50]) == ["refund.count_limit"]
    assert sum(balance(shop, "ALLOCATED")) == 75
    # Slices without a fen of subsidy have no entry of their own.
    empty = RedemptionStep.objects.filter(kind="REFUND", subsidy_fen=0)
    assert set(empty.values_list("entry_id", flat=True)) <= {None}


def test_a_repeated_refund_is_answered_not_done_again() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    command = refund_command(redemption_id, 5_000, at=SOON)
    (first,) = redemptions_refund(commands=[command])
    before = footprint()
    (again,) = redemptions_refund(commands=[command])
    assert (again.outcome, again.fact) == ("REPLAY", first.fact)
    other = refund_command(redemption_id, 4_000, at=SOON, key=command.idempotency_key)
    (reused,) = redemptions_refund(commands=[other])
    assert codes(reused) == ["idempotency.key_reused"]
    assert footprint() == before


def test_a_refund_number_is_used_once() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    redemptions_refund(commands=[refund_command(redemption_id, 100, at=SOON, refund_no="R1")])
    before = footprint()
    (outcome,) = redemptions_refund(
        commands=[refund_command(redemption_id, 100, at=SOON, refund_no="R1")]
    )
    assert codes(outcome) == ["refund.duplicate_no"]
    assert footprint() == before


@pytest.mark.parametrize(
    ("fen", "at", "code"),
    [
        (10_001, SOON, "refund.exceeds"),
        (1, AT + timedelta(days=365), "refund.too_old"),
    ],
)
def test_refused_refunds_change_nothing(fen: int, at: datetime, code: str) -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    before = footprint()
    (outcome,) = redemptions_refund(commands=[refund_command(redemption_id, fen, at=at)])
    assert codes(outcome) == [code]
    assert footprint() == before


def test_what_is_only_held_is_not_refunded() -> None:
    shop = shop_make()
    redemption_id = held_make(shop)
    before = footprint()
    (outcome,) = redemptions_refund(commands=[refund_command(redemption_id, 1, at=SOON)])
    assert codes(outcome) == ["redemption.state_conflict"]
    (outcome,) = redemptions_cancel(commands=[cancel_command(redemption_id, at=SOON)])
    assert codes(outcome) == ["redemption.state_conflict"]
    assert footprint() == before


def test_a_dry_run_tells_and_changes_nothing() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    before = footprint()
    preview = refund_preview(
        client_id=Redemption.objects.get(pk=redemption_id).client_id,
        redemption_id=redemption_id,
        refund_no="R1",
        order_fen=5_000,
        at=SOON,
    )
    assert preview.slice is not None
    assert (preview.slice.payer_fen, preview.slice.subsidy_fen) == (3_500, 1_500)
    assert [part.amount_fen for part in preview.funders] == [1_000, 350, 150]
    assert footprint() == before


def test_a_cancel_is_as_if_nothing_had_been_bought() -> None:
    shop = shop_make(batches=[BatchPlan(limits=(TWICE,), rules=FREE)])
    (voucher,) = vouchers_issued(shop.batch)
    concession = balance(shop, "CONCESSION")
    redemption_id = confirmed_make(shop, voucher)
    command = cancel_command(redemption_id, at=SOON)
    (outcome,) = redemptions_cancel(commands=[command])
    assert outcome.fact is not None
    assert (outcome.fact.payer_fen, outcome.fact.subsidy_fen) == (7_000, 3_000)
    assert Redemption.objects.get(pk=redemption_id).state == "CANCELLED"
    voucher.refresh_from_db()
    assert voucher.state == "ACTIVE"
    assert payable(shop, redemption_id) == [0, 0, 0]
    assert balance(shop, "OUTSTANDING") == [2_000, 700, 300]
    assert balance(shop, "CONCESSION") == concession
    assert list(LimitUse.objects.values_list("used", flat=True)) == [0]
    before = footprint()
    (again,) = redemptions_cancel(commands=[command])
    assert (again.outcome, again.fact) == ("REPLAY", outcome.fact)
    (refund,) = redemptions_refund(commands=[refund_command(redemption_id, 1, at=SOON)])
    assert codes(refund) == ["redemption.state_conflict"]
    assert footprint() == before


def test_the_window_of_a_cancel_closes_at_the_cut_off() -> None:
    shop = shop_make()
    first, second = confirmed_make(shop), confirmed_make(shop)
    cutoff = datetime(2026, 3, 6, 23, tzinfo=TIME_ZONE)
    before = footprint()
    (outcome,) = redemptions_cancel(commands=[cancel_command(first, at=cutoff)])
    assert codes(outcome) == ["redemption.cancel_window_closed"]
    assert outcome.refusals[0].data["blocker"] == "CUTOFF"
    assert footprint() == before
    in_time = cancel_command(second, at=cutoff - timedelta(microseconds=1))
    accepted(redemptions_cancel(commands=[in_time]))


def test_what_is_partly_refunded_is_not_cancelled() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    redemptions_refund(commands=[refund_command(redemption_id, 100, at=SOON)])
    before = footprint()
    (outcome,) = redemptions_cancel(commands=[cancel_command(redemption_id, at=SOON)])
    assert outcome.refusals[0].data["blocker"] == "REFUNDED"
    assert footprint() == before


def test_another_client_sees_no_redemption_to_act_on() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    stranger = shop_make().client
    before = footprint()
    for outcome in (
        *redemptions_refund(
            commands=[replace(refund_command(redemption_id, 1, at=SOON), client_id=stranger.pk)]
        ),
        *redemptions_cancel(
            commands=[replace(cancel_command(redemption_id), client_id=stranger.pk)]
        ),
    ):
        assert codes(outcome) == ["access.not_found"]
    assert footprint() == before


def test_after_close_the_subsidy_adds_to_the_campaign_not_to_its_batch() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    campaign = shop.live.campaign
    for state in ("ENDED", "CLEARING", "AUDITED", "CLOSED"):
        campaign.state = state
        campaign.save(update_fields=["state"])
    voucher = Voucher.objects.get()
    (outcome,) = redemptions_refund(
        commands=[refund_command(redemption_id, 10_000, at=voucher.valid_until)]
    )
    assert outcome.fact is not None
    assert outcome.fact.voucher_fate == "EXPIRED"
    assert balance(shop, "ALLOCATED") == [0, 0, 0]
    left = Account.objects.filter(kind="AVAILABLE").values_list("funder_id", "balance_fen")
    assert [dict(left).get(one, 0) for one in shop.batch.funder_ids] == [2_000, 700, 300]
