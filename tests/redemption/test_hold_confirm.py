"""Hold, confirm, release and time-out: what they write, what they refuse, and nothing else."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from core.hot import rounds
from core.ledger.models import Account, Entry, Posting
from redemption.models import Redemption, RedemptionLine, RedemptionStep
from redemption.services.confirm import redemptions_confirm
from redemption.services.facts import StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.unhold import redemptions_release, redemptions_time_out
from tests.factories.campaigns import BatchPlan, later
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    confirm_command,
    confirmed_make,
    held_make,
    hold_command,
    holder_of,
    release_command,
    shop_make,
)
from vouchers.models import LimitUse, Voucher
from vouchers.rules.model import LimitRule

pytestmark = pytest.mark.django_db

FREE = {"realname": False}
TWICE = LimitRule(
    code="use", side="REDEMPTION", scope="CAMPAIGN", window="DAY", count=1, keys=("DOCUMENT",)
)


def codes(outcome: StepOutcome) -> list[str]:
    """Return the codes of a refusal in order."""
    return [refusal.code for refusal in outcome.refusals]


def footprint() -> tuple[object, ...]:
    """Return everything a payment changes: rows, states, balances."""
    return (
        RedemptionStep.objects.count(),
        RedemptionLine.objects.count(),
        Entry.objects.count(),
        Posting.objects.count(),
        sorted(Redemption.objects.values_list("pk", "state", "last_step", "refunded_order_fen")),
        sorted(Voucher.objects.values_list("pk", "state")),
        sorted(Account.objects.values_list("pk", "balance_fen")),
        sorted(LimitUse.objects.values_list("limit_id", "key_id", "used")),
    )


def balance(shop: Shop, kind: str, unit: UUID | None = None) -> list[int]:
    """Return balances in the order of the batch's funders; ``unit`` defaults to the batch."""
    accounts = Account.objects.filter(kind=kind, campaign_id=shop.live.campaign.pk)
    if kind != "CONCESSION":
        accounts = accounts.filter(unit_id=unit or shop.batch.pk)
    found = dict(accounts.values_list("funder_id", "balance_fen"))
    return [found.get(funder_id, 0) for funder_id in shop.batch.funder_ids]


def test_a_hold_takes_the_voucher_and_its_money() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    (outcome,) = redemptions_hold(
        commands=[hold_command(shop.payment(voucher=voucher), order_no="T-1")]
    )
    assert outcome.outcome == "ACCEPTED"
    assert outcome.fact is not None
    assert (outcome.fact.order_fen, outcome.fact.subsidy_fen, outcome.fact.payer_fen) == (
        10_000,
        3_000,
        7_000,
    )
    assert [part.amount_fen for part in outcome.fact.funders] == [2_000, 700, 300]
    row = Redemption.objects.get(pk=outcome.fact.redemption_id)
    assert (row.state, row.order_no, row.held_at) == ("HELD", "T-1", AT)
    assert row.hold_expires_at == AT + timedelta(seconds=120)
    assert (row.whitelist_id, row.store_region) == (shop.live.whitelist.pk, "450103")
    voucher.refresh_from_db()
    assert voucher.state == "HELD"
    assert balance(shop, "HELD") == [2_000, 700, 300]
    assert balance(shop, "OUTSTANDING") == [0, 0, 0]


def test_an_online_hold_lives_fifteen_minutes() -> None:
    shop = shop_make()
    held = held_make(shop, flow="ONLINE")
    assert Redemption.objects.get(pk=held).hold_expires_at == AT + timedelta(seconds=900)


def test_a_confirm_owes_the_subsidy_to_the_payee_and_uses_the_concession() -> None:
    shop = shop_make()
    redemption_id = held_make(shop)
    before = balance(shop, "CONCESSION")
    (outcome,) = redemptions_confirm(
        commands=[confirm_command(redemption_id, at=AT + timedelta(seconds=30), trade_no="W1")]
    )
    assert outcome.outcome == "ACCEPTED"
    row = Redemption.objects.get(pk=redemption_id)
    assert (row.state, row.channel_trade_no) == ("CONFIRMED", "W1")
    assert str(row.business_date) == "2026-03-06"
    assert balance(shop, "HELD") == [0, 0, 0]
    assert balance(shop, "PAYABLE", row.payee_id) == [2_000, 700, 0]
    assert [old - new for old, new in zip(before, balance(shop, "CONCESSION"), strict=True)] == [
        0,
        0,
        300,
    ]
    assert outcome.fact is not None
    # 2026-03-06 is a Friday: cut-off 23:00, T+1 is Monday.
    assert outcome.fact.detail["cancellable_until"] == "2026-03-06T23:00:00+08:00"
    assert outcome.fact.detail["payout_expected_on"] == "2026-03-09"


def test_after_the_cut_off_a_confirm_belongs_to_the_next_business_date() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop, at=later(hours=15))
    assert str(Redemption.objects.get(pk=redemption_id).business_date) == "2026-03-07"


def test_a_repeated_hold_and_confirm_give_the_first_answer_and_change_nothing() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    hold = hold_command(shop.payment(voucher=voucher))
    (first,) = redemptions_hold(commands=[hold])
    assert first.fact is not None
    confirm = confirm_command(first.fact.redemption_id)
    (confirmed,) = redemptions_confirm(commands=[confirm])
    before = footprint()
    (hold_again,) = redemptions_hold(commands=[hold])
    (confirm_again,) = redemptions_confirm(commands=[confirm])
    assert (hold_again.outcome, hold_again.fact) == ("REPLAY", first.fact)
    assert (confirm_again.outcome, confirm_again.fact) == ("REPLAY", confirmed.fact)
    assert footprint() == before


def test_two_holds_with_one_key_in_one_call_are_one_hold() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    command = hold_command(shop.payment(voucher=voucher))
    outcomes = redemptions_hold(commands=[command, command])
    assert [one.outcome for one in outcomes] == ["ACCEPTED", "REPLAY"]
    assert Redemption.objects.count() == 1


def test_another_request_under_a_used_key_is_refused() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    command = hold_command(shop.payment(voucher=voucher))
    redemptions_hold(commands=[command])
    before = footprint()
    other = hold_command(
        shop.payment(voucher=voucher, order_fen=20_000), key=command.idempotency_key
    )
    (outcome,) = redemptions_hold(commands=[other])
    assert codes(outcome) == ["idempotency.key_reused"]
    assert footprint() == before


@pytest.mark.parametrize("act", [redemptions_confirm, redemptions_release])
def test_a_used_key_wins_though_the_other_request_names_nothing(act: Any) -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    make = confirm_command if act is redemptions_confirm else release_command
    command = make(held_make(shop, voucher))
    (first,) = act(commands=[command])
    other = replace(command, redemption_id=UUID(int=1), fingerprint="0" * 64)
    before = footprint()
    outcomes = act(commands=[other, replace(other, idempotency_key="another-key-of-nobody")])
    assert first.outcome == "ACCEPTED"
    assert [codes(one) for one in outcomes] == [["idempotency.key_reused"], ["access.not_found"]]
    assert footprint() == before


def test_a_held_voucher_is_refused_with_the_end_of_the_hold() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    held_make(shop, voucher)
    before = footprint()
    (outcome,) = redemptions_hold(
        commands=[hold_command(shop.payment(voucher=voucher, at=AT + timedelta(seconds=119)))]
    )
    assert codes(outcome) == ["voucher.held"]
    assert outcome.refusals[0].data == {"until": AT + timedelta(seconds=120)}
    assert footprint() == before


def test_the_call_that_needs_the_voucher_times_the_old_hold_out() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    first = held_make(shop, voucher)
    second = held_make(shop, voucher, at=AT + timedelta(seconds=120))
    assert Redemption.objects.get(pk=first).state == "TIMED_OUT"
    assert Redemption.objects.get(pk=second).state == "HELD"
    assert balance(shop, "HELD") == [2_000, 700, 300]


def test_another_channels_voucher_does_not_exist() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    before = footprint()
    (outcome,) = redemptions_hold(
        commands=[hold_command(shop.payment(voucher=voucher, client_id=shop.client.pk))]
    )
    assert codes(outcome) == ["voucher.not_found"]
    (outcome,) = redemptions_hold(
        commands=[hold_command(shop.payment(person_id=voucher.enrolment_id))]
    )
    assert codes(outcome) == ["access.not_found"]
    assert footprint() == before


def test_every_failing_condition_of_a_hold_is_listed_and_nothing_changes() -> None:
    shop = shop_make(batches=[BatchPlan(rules={}, threshold_fen=10_000)])
    (voucher,) = vouchers_issued(shop.batch)
    before = footprint()
    (outcome,) = redemptions_hold(
        commands=[
            hold_command(shop.payment(voucher=voucher, terminal_no="99999999", order_fen=5_000))
        ]
    )
    assert codes(outcome) == ["redemption.terminal_unmapped", "redemption.below_threshold"]
    assert footprint() == before


def test_the_switches_stop_holds() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    shop.live.campaign.redemptions_on = False
    shop.live.campaign.save(update_fields=["redemptions_on"])
    before = footprint()
    (outcome,) = redemptions_hold(commands=[hold_command(shop.payment(voucher=voucher))])
    assert codes(outcome) == ["redemption.paused"]
    assert footprint() == before


def test_the_best_voucher_applies_itself() -> None:
    shop = shop_make(
        batches=[
            BatchPlan(face_fen=1_000, threshold_fen=5_000, limits=(), rules=FREE),
            BatchPlan(face_fen=3_000, threshold_fen=10_000, limits=(), rules=FREE),
            BatchPlan(face_fen=9_000, threshold_fen=30_000, limits=(), rules=FREE),
        ]
    )
    person = holder_of(vouchers_issued(shop.live.batches[0])[0])
    for batch in shop.live.batches[1:]:
        vouchers_issued(batch, enrolments=[person])
    (outcome,) = redemptions_hold(
        commands=[hold_command(shop.payment(client_id=person.client_id, person_id=person.pk))]
    )
    assert outcome.fact is not None
    assert outcome.fact.subsidy_fen == 3_000


def test_two_payments_of_one_person_in_one_call_take_two_vouchers() -> None:
    shop = shop_make(batches=[BatchPlan(limits=(), rules=FREE), BatchPlan(limits=(), rules=FREE)])
    person = holder_of(vouchers_issued(shop.live.batches[0])[0])
    vouchers_issued(shop.live.batches[1], enrolments=[person])
    payments = [
        shop.payment(client_id=person.client_id, person_id=person.pk, order_fen=fen)
        for fen in (10_000, 20_000, 30_000)
    ]
    outcomes = redemptions_hold(commands=[hold_command(payment) for payment in payments])
    assert [one.outcome for one in outcomes] == ["ACCEPTED", "ACCEPTED", "REFUSED"]
    assert codes(outcomes[2]) == ["voucher.held"]
    assert RedemptionLine.objects.filter(live=True).count() == 2


def test_a_limit_on_use_counts_holds_and_gives_back_what_is_released() -> None:
    shop = shop_make(
        batches=[BatchPlan(limits=(TWICE,), rules=FREE), BatchPlan(limits=(TWICE,), rules=FREE)]
    )
    (voucher,) = vouchers_issued(shop.live.batches[0])
    (other,) = vouchers_issued(shop.live.batches[1], enrolments=[holder_of(voucher)])
    first = held_make(shop, voucher)
    before = footprint()
    (outcome,) = redemptions_hold(commands=[hold_command(shop.payment(voucher=other))])
    assert codes(outcome) == ["redemption.person_limit"]
    assert outcome.refusals[0].data == {
        "window": "DAY",
        "used": 1,
        "limit": 1,
        "kind": "DOCUMENT",
    }
    assert footprint() == before
    accepted(redemptions_release(commands=[release_command(first)]))
    assert list(LimitUse.objects.values_list("used", flat=True)) == [0]
    held_make(shop, other)


def test_a_release_undoes_the_hold() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = held_make(shop, voucher)
    command = release_command(redemption_id)
    (outcome,) = redemptions_release(commands=[command])
    assert outcome.outcome == "ACCEPTED"
    voucher.refresh_from_db()
    assert voucher.state == "ACTIVE"
    assert balance(shop, "OUTSTANDING") == [2_000, 700, 300]
    before = footprint()
    (again,) = redemptions_release(commands=[command])
    (other,) = redemptions_release(commands=[release_command(redemption_id)])
    assert (again.outcome, again.fact) == ("REPLAY", outcome.fact)
    assert codes(other) == ["redemption.state_conflict"]
    assert other.refusals[0].data == {"state": "RELEASED"}
    assert footprint() == before


def test_the_sweep_times_out_at_the_very_end_of_the_hold() -> None:
    shop = shop_make()
    redemption_id = held_make(shop)
    assert redemptions_time_out(now=AT + timedelta(seconds=119)) == 0
    assert redemptions_time_out(now=AT + timedelta(seconds=120)) == 1
    assert redemptions_time_out(now=AT + timedelta(seconds=121)) == 0
    assert Redemption.objects.get(pk=redemption_id).state == "TIMED_OUT"
    assert balance(shop, "OUTSTANDING") == [2_000, 700, 300]


def test_the_sweep_goes_on_over_its_chunks() -> None:
    shop = shop_make()
    for voucher in vouchers_issued(shop.batch, 5):
        held_make(shop, voucher)
    assert redemptions_time_out(now=AT + timedelta(seconds=120), chunk=2) == 5


def test_a_confirm_in_the_holds_life_counts_past_the_end_of_validity() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    last = voucher.valid_until - timedelta(seconds=1)
    redemption_id = held_make(shop, voucher, at=last)
    accepted(
        redemptions_confirm(
            commands=[confirm_command(redemption_id, at=voucher.valid_until + timedelta(seconds=5))]
        )
    )
    voucher.refresh_from_db()
    assert voucher.state == "REDEEMED"


def test_a_confirm_of_another_amount_is_refused() -> None:
    shop = shop_make()
    redemption_id = held_make(shop)
    before = footprint()
    (outcome,) = redemptions_confirm(commands=[confirm_command(redemption_id, paid_fen=6_999)])
    assert codes(outcome) == ["redemption.amount_mismatch"]
    assert outcome.refusals[0].data == {"payable_fen": 7_000, "paid_fen": 6_999}
    assert footprint() == before


def test_a_released_hold_cannot_be_confirmed() -> None:
    shop = shop_make()
    redemption_id = held_make(shop)
    redemptions_release(commands=[release_command(redemption_id)])
    before = footprint()
    (outcome,) = redemptions_confirm(commands=[confirm_command(redemption_id)])
    assert codes(outcome) == ["redemption.state_conflict"]
    assert footprint() == before


def test_a_group_of_many_needs_no_more_statements_than_one(
    django_assert_max_num_queries: object,
) -> None:
    shop = shop_make()
    vouchers = vouchers_issued(shop.batch, 20)
    commands = [hold_command(shop.payment(voucher=one)) for one in vouchers]
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        accepted(redemptions_hold(commands=commands))


def test_rounds_keep_the_order_of_a_key() -> None:
    assert list(rounds(["a1", "b1", "a2"], lambda text: [text[0]])) == [["a1", "b1"], ["a2"]]
