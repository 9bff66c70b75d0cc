"""What settlement knows about facts, for the services that confirm, cancel and refund.

A cancel or refund takes its subsidy back from where the money of its CONFIRM fact lies at that
moment: the caller locks the redemption, asks `booking_accounts`, posts from that account
(unit = payee, AVAILABLE without a unit) and keeps the answer on the new step as
``detail["booked_to"]``. Settlement reads that to know which line the step belongs to: what came
off payable leaves together with its CONFIRM, what was booked to merchant-receivable becomes a
negative line (architecture.md, Settlement).
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from core.ledger.models import AccountKind
from redemption.models.redemptions import RedemptionStep
from redemption.settlement.models import FrozenFact, SettlementItem
from redemption.settlement.states import FreezeState
from redemption.states import StepKind

BOOKED_TO = "booked_to"
"""Key in ``RedemptionStep.detail`` of a CANCEL or REFUND: the account kind it was booked to."""


def facts_assigned(step_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of the facts (redemption steps) that are in a settlement line."""
    return set(
        SettlementItem.objects.filter(pk__in=list(step_ids)).values_list("fact_id", flat=True)
    )


def campaigns_with_facts(day: date) -> list[UUID]:
    """Return the campaigns with a confirm, cancel or refund on a business date."""
    steps = RedemptionStep.objects.filter(
        business_date=day, kind__in=(StepKind.CONFIRM, StepKind.CANCEL, StepKind.REFUND)
    )
    return list(
        steps.order_by("redemption__campaign_id")
        .values_list("redemption__campaign_id", flat=True)
        .distinct()
    )


def booking_accounts(confirm_step_ids: Iterable[UUID]) -> dict[UUID, AccountKind]:
    """Return, per CONFIRM step, the account a cancel or refund of cash funders is debited to.

    PAYABLE while not assigned, PAYABLE_FROZEN while a case holds the money, MERCHANT_RECEIVABLE
    once assigned to a settlement line, AVAILABLE (no unit) after the subsidy was recovered for
    good. Parts of MERCHANT_CONCESSION funders always go back to CONCESSION. Call it with the
    redemptions locked, else the answer may be out of date.
    """
    ids = list(confirm_step_ids)
    accounts = dict.fromkeys(ids, AccountKind.PAYABLE)
    for fact_id in facts_assigned(ids):
        accounts[fact_id] = AccountKind.MERCHANT_RECEIVABLE
    freezes = FrozenFact.objects.filter(fact_id__in=ids).exclude(state=FreezeState.RELEASED)
    for fact_id, state, mode in freezes.order_by("frozen_at", "pk").values_list(
        "fact_id", "state", "mode"
    ):
        if state == FreezeState.RECOVERED:
            accounts[fact_id] = AccountKind.AVAILABLE
        elif mode == FrozenFact.Mode.MONEY:
            accounts[fact_id] = AccountKind.PAYABLE_FROZEN
    return accounts
