"""The proof of a wave: what was opened was claimed or taken back, added up from the claims.

It comes after the wave, outside of every lock of claims, and one wave that does not add up hinders
no other: it stays unproved, is logged, and the invariant checks name it.
"""

from datetime import datetime
from typing import Final

import structlog
from django.db import IntegrityError, connection
from django.db.models import F, Sum

from core.transactions import transaction
from vouchers.models import Claim, QuotaRelease
from vouchers.states import ReleaseState

MOST_PER_RUN: Final = 20
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('xfq.release_proofs'))"
log = structlog.get_logger(__name__)


def releases_prove(*, now: datetime) -> int:
    """Prove waves that are closed or used up; how many. Safe to run twice, even at once.

    The database refuses a proof that does not add up (``release_proof``).
    """
    ended = (
        QuotaRelease.objects.filter(
            proved_at__isnull=True, state__in=(ReleaseState.OPEN, ReleaseState.CLOSED)
        )
        .annotate(left=Sum(F("slices__planned") - F("slices__issued")))
        .exclude(state=ReleaseState.OPEN, left__gt=0)
        .order_by("slot", "pk")[:MOST_PER_RUN]
    )
    return sum(_prove(release, now) for release in ended)


def _prove(release: QuotaRelease, now: datetime) -> bool:
    try:
        with transaction():
            with connection.cursor() as cursor:
                cursor.execute(_ALONE)
                ((is_alone,),) = cursor.fetchall()
            if not is_alone:
                return False
            unproved = QuotaRelease.objects.filter(pk=release.pk, proved_at__isnull=True)
            return bool(unproved.update(claimed_units=units_claimed(release), proved_at=now))
    except IntegrityError:
        log.exception("release_not_proved", release=str(release.pk))
        return False


def units_claimed(release: QuotaRelease) -> int:
    """Return the units of a wave's claims, added up from the claims themselves.

    Claims are indexed by batch and time, and none of a wave is older than its slot.
    """
    slices = list(release.slices.values_list("pk", flat=True))
    claims = Claim.objects.filter(
        batch_id=release.batch_id, at__gte=release.slot, slice_id__in=slices
    )
    if release.closed_at is not None:
        claims = claims.filter(at__lte=release.closed_at)
    units: int = claims.aggregate(units=Sum("units"))["units"] or 0
    return units
