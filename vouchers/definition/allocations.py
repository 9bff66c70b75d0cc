"""What the ledger says was allocated to each batch."""

from uuid import UUID

from django.db.models import Sum

from core.ledger.models import Account, AccountKind, EntryCode, Posting


def batch_allocations(*, campaign_id: UUID) -> dict[tuple[UUID, UUID], int]:
    """Return (batch, funder) → fen allocated by approvals, cuts taken off."""
    units = dict(
        Account.objects.filter(campaign_id=campaign_id, kind=AccountKind.ALLOCATED).values_list(
            "pk", "unit_id"
        )
    )
    postings = Posting.objects.filter(
        campaign_id=campaign_id, entry__code=EntryCode.ALLOCATE
    ).order_by()
    sums: dict[tuple[UUID, UUID], int] = {}
    for side, sign in (("credit_account_id", 1), ("debit_account_id", -1)):
        rows = postings.filter(**{f"{side}__in": list(units)}).values(side, "funder_id")
        for row in rows.annotate(fen=Sum("amount_fen")):
            key = (units[row[side]], row["funder_id"])
            sums[key] = sums.get(key, 0) + sign * row["fen"]
    return sums
