"""Locks of settlement; they come after the redemptions' and before the accounts' (lock order)."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from core.errors import DomainError
from redemption.settlement.models import SettlementBatch

_PAIR_LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))"


def settlement_lock(campaign_id: UUID, acquirer_id: UUID) -> None:
    """Let one transaction at a time change what this acquirer's payees get of this campaign.

    Taken before everything else: building, freezing, rejecting and repaying look at the same
    payees' facts and receivables.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PAIR_LOCK, [f"xfq.settlement.{campaign_id}", str(acquirer_id)])


def redemptions_lock(redemption_ids: Iterable[UUID]) -> None:
    """Lock redemptions in id order, so that no cancel or refund happens meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM redemption_redemption WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(redemption_ids)],
        )


def batch_locked(batch_id: UUID) -> SettlementBatch:
    """Return the batch, locked; DomainError ``access.not_found`` if there is none."""
    batch = SettlementBatch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None:
        raise DomainError("access.not_found")
    return batch
