"""Row locks of this room, in the one order of architecture.md: batch → slice → vouchers."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Case, IntegerField, When

from core.errors import DomainError
from vouchers.models import (
    Audience,
    AudienceSnapshot,
    Batch,
    ControlEntry,
    Grant,
    IdentityKey,
    QuotaRelease,
    QuotaSlice,
)


def batches_lock(
    *, campaign_id: UUID | None = None, batch_ids: Iterable[UUID] | None = None
) -> list[Batch]:
    """Lock the batches of a campaign, or these; lock their campaign before.

    In order of id, parts of packs after all others: a claim locks its pack before its parts.
    NO KEY UPDATE: rows that point at a batch can be inserted meanwhile.
    """
    is_part = Case(When(pack=None, then=0), default=1, output_field=IntegerField())
    rows = Batch.objects.select_for_update(no_key=True).order_by(is_part, "pk")
    if campaign_id is not None:
        rows = rows.filter(campaign_id=campaign_id)
    if batch_ids is not None:
        rows = rows.filter(pk__in=list(batch_ids))
    return list(rows)


def releases_lock(release_ids: Iterable[UUID]) -> list[QuotaRelease]:
    """Lock releases in order of id; lock their batches before."""
    rows = QuotaRelease.objects.select_for_update(no_key=True).filter(pk__in=list(release_ids))
    return list(rows.order_by("pk"))


def slices_lock(release_ids: Iterable[UUID]) -> list[QuotaSlice]:
    """Lock the slices of these releases in order of id; lock their batches before."""
    rows = QuotaSlice.objects.select_for_update(no_key=True)
    return list(rows.filter(release_id__in=list(release_ids)).order_by("pk"))


def grant_lock(grant_id: UUID) -> Grant:
    """Lock a grant for a change of its state; 404 if there is none. Comes before every batch."""
    grant = Grant.objects.select_for_update(no_key=True).filter(pk=grant_id).first()
    if grant is None:
        raise DomainError("access.not_found")
    return grant


def audience_lock(audience_id: UUID) -> Audience:
    """Lock an audience for a change of its lists; 404 if there is none. Comes before its lists."""
    audience = Audience.objects.select_for_update(no_key=True).filter(pk=audience_id).first()
    if audience is None:
        raise DomainError("access.not_found")
    return audience


def snapshot_lock(snapshot_id: UUID) -> AudienceSnapshot:
    """Lock an audience, then this list of it; 404 if there is none."""
    named = AudienceSnapshot.objects.filter(pk=snapshot_id)
    audience_id = named.values_list("audience_id", flat=True).first()
    if audience_id is None:
        raise DomainError("access.not_found")
    audience = audience_lock(audience_id)
    snapshot = named.select_for_update(no_key=True).get()
    snapshot.audience = audience
    return snapshot


def identity_key_lock(key_id: int) -> IdentityKey:
    """Lock an identity key for what is decided about it; claims on a counted device wait for it."""
    return IdentityKey.objects.select_for_update(no_key=True).get(pk=key_id)


def control_lock(entry_id: UUID) -> ControlEntry:
    """Lock an entry of the control list for a change of its state; 404 if there is none."""
    rows = ControlEntry.objects.select_for_update(no_key=True, of=("self",)).select_related("key")
    entry = rows.filter(pk=entry_id).first()
    if entry is None:
        raise DomainError("access.not_found")
    return entry
