"""Cases and the money: frozen, given back, recovered."""

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

import pytest

from core.ids import new_id
from core.ledger.models import Account, AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.models import Case
from core.transactions import transaction
from redemption.models import Redemption
from redemption.services import reversal_state
from redemption.services.refund import redemptions_refund
from redemption.settlement.models import FrozenFact, SettlementItem
from redemption.settlement.services.freezes import facts_freeze, facts_recover, facts_release
from tests.factories.campaigns import later
from tests.factories.merchants import PROVINCE
from tests.factories.redemption import AT, Shop, confirmed_make, refund_command, shop_make
from tests.redemption.settlement.factories import (
    DAY,
    NIGHT,
    approved,
    balances,
    build,
    built,
    paid,
    reduced,
)

pytestmark = pytest.mark.django_db
NEXT_DAY = DAY + timedelta(days=1)
NEXT_NIGHT = NIGHT + timedelta(days=1)


def case_make(shop: Shop) -> Case:
    """Return an open case about the shop's store."""
    return Case.objects.create(
        campaign_id=shop.live.campaign.pk,
        subject_type="STORE",
        subject_id=str(new_id()),
        owner_region=PROVINCE,
        opened_at=AT,
        due_on=date(2026, 3, 20),
    )


def freeze(case: Case, *ids: UUID) -> int:
    """Freeze as the engine does, within a transaction."""
    with transaction():
        return facts_freeze(case=case, fact_ids=[str(one) for one in ids], now=NIGHT)


def release(case: Case) -> int:
    """Release as the engine does."""
    with transaction():
        return facts_release(case=case, now=NIGHT)


def recover(case: Case) -> int:
    """Uphold as the engine does."""
    with transaction():
        return facts_recover(case=case, now=NIGHT)


def test_unassigned_money_is_frozen_and_given_back() -> None:
    shop = shop_make()
    suspect, other = confirmed_make(shop), confirmed_make(shop)
    case = case_make(shop)
    assert freeze(case, suspect) == 2_700
    assert freeze(case, suspect) == 0
    assert (balances(shop)["PAYABLE_FROZEN"], balances(shop)["PAYABLE"]) == (2_700, 2_700)
    batch = built(shop)
    assert set(SettlementItem.objects.values_list("fact__redemption_id", flat=True)) == {other}
    assert batch.payout_fen == 2_700
    assert release(case) == 2_700
    assert "PAYABLE_FROZEN" not in balances(shop)
    # Found again although its own day is long settled.
    later_day = DAY + timedelta(days=20)
    assert built(shop, later_day, NIGHT + timedelta(days=20)).payout_fen == 2_700


def test_a_frozen_fact_leaves_a_batch_that_is_not_approved() -> None:
    shop = shop_make()
    suspect, other = confirmed_make(shop), confirmed_make(shop)
    batch = built(shop)
    case = case_make(shop)
    assert freeze(case, suspect) == 2_700
    batch.refresh_from_db()
    assert (batch.payout_fen, batch.fact_count) == (2_700, 1)
    assert SettlementItem.objects.get().fact.redemption_id == other
    assert (balances(shop)["SETTLING"], balances(shop)["PAYABLE_FROZEN"]) == (2_700, 2_700)


def test_netting_is_undone_when_the_money_it_used_is_frozen() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    approved(built(shop))
    reduced(first, 1_500, NIGHT)
    suspect = confirmed_make(shop, at=later(days=1))
    second = built(shop, NEXT_DAY, NEXT_NIGHT)
    assert second.payout_fen == 1_350
    freeze(case_make(shop), suspect)
    second.refresh_from_db()
    assert (second.positive_fen, second.negative_fen, second.carry_out_fen, second.payout_fen) == (
        0,
        -1_350,
        1_350,
        0,
    )
    assert balances(shop)["MERCHANT_RECEIVABLE"] == 1_350
    assert balances(shop)["PAYABLE_FROZEN"] == 2_700
    assert not {"PAYABLE", "SETTLING"} & set(balances(shop))


def test_a_refund_of_a_frozen_payment_shrinks_what_is_given_back() -> None:
    shop = shop_make()
    suspect = confirmed_make(shop)
    case = case_make(shop)
    freeze(case, suspect)
    reduced(suspect, 1_500, NIGHT)
    assert balances(shop)["PAYABLE_FROZEN"] == 1_350
    assert release(case) == 1_350
    assert built(shop).payout_fen == 1_350


def spend_available(shop: Shop) -> None:
    """Put all the campaign has available into its batch."""
    campaign_id = shop.live.campaign.pk
    with transaction():
        entry_post(
            code=EntryCode.ALLOCATE,
            campaign_id=campaign_id,
            source_key=f"test:{new_id()}",
            business_date=DAY,
            at=NIGHT,
            transfers=[
                Transfer(
                    account.funder_id,
                    AccountKind.AVAILABLE,
                    AccountKind.ALLOCATED,
                    account.balance_fen,
                    None,
                    shop.batch.pk,
                )
                for account in Account.objects.filter(
                    campaign_id=campaign_id, kind=AccountKind.AVAILABLE, balance_fen__gt=0
                )
            ],
        )


def test_upheld_money_goes_back_to_the_campaign() -> None:
    shop = shop_make()
    suspect = confirmed_make(shop)
    case = case_make(shop)
    freeze(case, suspect)
    before = balances(shop).get("AVAILABLE", 0)
    assert recover(case) == 2_700
    assert balances(shop)["AVAILABLE"] - before == 2_700
    assert "PAYABLE_FROZEN" not in balances(shop)
    assert build(shop) is None
    # A refund of it takes nothing from the merchant any more.
    reduced(suspect, 3_000, NIGHT)
    assert balances(shop).get("AVAILABLE", 0) == before
    assert "MERCHANT_RECEIVABLE" not in balances(shop)


def test_a_refund_of_upheld_money_that_was_spent_again_is_refused() -> None:
    shop = shop_make()
    suspect = confirmed_make(shop)
    case = case_make(shop)
    freeze(case, suspect)
    recover(case)
    spend_available(shop)
    command = refund_command(suspect, 3_000, at=NIGHT)
    (outcome,) = redemptions_refund(commands=[command])
    assert [(one.code, one.data) for one in outcome.refusals] == [
        ("redemption.state_conflict", {"state": "RECOVERED"})
    ]
    assert Redemption.objects.get(pk=suspect).refund_count == 0


def test_a_refund_that_read_before_the_money_was_spent_is_decided_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = shop_make()
    suspect = confirmed_make(shop)
    case = case_make(shop)
    freeze(case, suspect)
    recover(case)
    real = reversal_state._available
    readings = [real([shop.live.campaign.pk])]
    spend_available(shop)

    def read(campaign_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], int]:
        return readings.pop() if readings else real(campaign_ids)

    monkeypatch.setattr(reversal_state, "_available", read)
    (outcome,) = redemptions_refund(commands=[refund_command(suspect, 3_000, at=NIGHT)])
    assert [one.code for one in outcome.refusals] == ["redemption.state_conflict"]
    assert readings == []


def test_settled_facts_hold_the_next_payout_and_are_owed_when_upheld() -> None:
    shop = shop_make()
    suspect = confirmed_make(shop)
    paid(built(shop))
    case = case_make(shop)
    assert freeze(case, suspect) == 0
    assert FrozenFact.objects.get().mode == FrozenFact.Mode.NEXT_PAYOUT
    confirmed_make(shop, at=later(days=1))
    assert build(shop, NEXT_DAY, NEXT_NIGHT) is None
    assert recover(case) == 2_700
    assert balances(shop)["MERCHANT_RECEIVABLE"] == 2_700
    batch = built(shop, NEXT_DAY, NEXT_NIGHT)
    assert (batch.positive_fen, batch.carry_in_fen, batch.payout_fen) == (2_700, -2_700, 0)
    assert "MERCHANT_RECEIVABLE" not in balances(shop)


def test_what_is_not_a_live_payment_is_not_frozen() -> None:
    shop = shop_make()
    case = case_make(shop)
    assert freeze(case, new_id()) == 0
    assert (FrozenFact.objects.count(), Redemption.objects.count()) == (0, 0)
