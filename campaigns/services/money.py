"""Booking the money of a version: budgets of funders and of units, as differences to the last."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from campaigns.errors import BudgetBelowReceivedError, BudgetBelowUsedError
from campaigns.models import Campaign, Funding, Version
from core.clock import business_date
from core.ledger.models import Account, AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post

Allocations = Mapping[tuple[UUID, UUID], int]
"""(unit, funder) → fen."""


def quota_source(mode: str) -> AccountKind:
    """Return the account a budget quota is owed on: cash funders owe, 商户让利 is conceded."""
    if mode == Funding.Mode.MERCHANT_CONCESSION:
        return AccountKind.CONCESSION
    return AccountKind.FUNDER_RECEIVABLE


def version_money_post(
    *,
    version: Version,
    quotas: Mapping[UUID, tuple[str, int, int]],
    before: Allocations,
    after: Allocations,
    now: datetime,
) -> None:
    """Book a version's money; ``quotas``: funder → (mode, fen before, fen after).

    Campaign and units are locked by the caller, who has moved everything else already: accounts
    are the end of the lock order.

    Raises:
        BudgetBelowUsedError: a unit or funder would be cut below what is issued and reserved.
        BudgetBelowReceivedError: a quota would be cut below the cash that came.
    """
    raised, cut = [], []
    for funder_id, (mode, old, new) in quotas.items():
        source = quota_source(mode)
        if new > old:
            raised.append(Transfer(funder_id, source, AccountKind.AVAILABLE, new - old))
        elif new < old:
            cut.append(Transfer(funder_id, AccountKind.AVAILABLE, source, old - new))
    allocated = []
    for key in sorted({*before, *after}):
        unit_id, funder_id = key
        moved = after.get(key, 0) - before.get(key, 0)
        pair = (AccountKind.AVAILABLE, AccountKind.ALLOCATED)
        if moved > 0:
            allocated.append(Transfer(funder_id, *pair, moved, credit_unit=unit_id))
        elif moved < 0:
            allocated.append(Transfer(funder_id, *pair[::-1], -moved, debit_unit=unit_id))
    campaign = version.campaign
    _post(campaign, EntryCode.BUDGET, f"budget:{version.pk}", raised, now)
    for part in allocated:
        _assert_covered(campaign, part)
    _post(campaign, EntryCode.ALLOCATE, f"allocate:{version.pk}", allocated, now)
    for part in cut:
        _assert_covered(campaign, part)
    _post(campaign, EntryCode.BUDGET, f"budget:{version.pk}:cut", cut, now)


def balance_fen(
    campaign_id: UUID, kind: AccountKind, funder_id: UUID, unit_id: UUID | None = None
) -> int:
    """Return the balance of one account in fen, 0 if it does not exist yet."""
    accounts = Account.objects.filter(campaign_id=campaign_id, kind=kind, funder_id=funder_id)
    if unit_id is not None:
        accounts = accounts.filter(unit_id=unit_id)
    return sum(accounts.values_list("balance_fen", flat=True))


def _assert_covered(campaign: Campaign, part: Transfer) -> None:
    """Say in words what the ledger would refuse; the constraint holds against races."""
    if part.debit in (AccountKind.ALLOCATED, AccountKind.AVAILABLE) and (
        part.credit != AccountKind.ALLOCATED
    ):
        left = balance_fen(campaign.pk, part.debit, part.funder_id, part.debit_unit)
        if left < part.amount_fen:
            raise BudgetBelowUsedError(
                data={"funder": _name(campaign, part), "missing_fen": part.amount_fen - left}
            )
    if part.credit in (AccountKind.FUNDER_RECEIVABLE, AccountKind.CONCESSION):
        left = balance_fen(campaign.pk, part.credit, part.funder_id)
        if left < part.amount_fen:
            raise BudgetBelowReceivedError(
                data={"funder": _name(campaign, part), "missing_fen": part.amount_fen - left}
            )


def _name(campaign: Campaign, part: Transfer) -> str:
    funding = campaign.fundings.select_related("funder").get(funder_id=part.funder_id)
    return funding.funder.name


def _post(
    campaign: Campaign, code: EntryCode, key: str, transfers: Iterable[Transfer], now: datetime
) -> None:
    entry_post(
        code=code,
        campaign_id=campaign.pk,
        source_key=key,
        business_date=business_date(now),
        at=now,
        transfers=transfers,
    )
