"""One chunk of a grant: decided by the claim service, its outcomes kept once.

A killed run leaves a chunk whose claims are written and whose outcomes are not. It is decided
again under the same keys, so everybody who was granted is answered with the first claim.
"""

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F

from core.errors import DomainError
from core.hot import TRY_LATER
from core.transactions import retry_conflicts, transaction
from vouchers.models import Grant, GrantChunk
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claims import vouchers_claim

LATER_TRIES = 60
LATER_PAUSE_S = 1.0


def grant_key(grant_id: UUID, line: int) -> str:
    """Return the idempotency key of a row; no channel can send one with colons."""
    return f"grant:{grant_id.hex}:{line}"


def chunk_grant(*, grant: Grant, chunk_id: int, now: datetime) -> int:
    """Grant the people of a chunk and keep what became of each; returns how many they are.

    Raises:
        DomainError: ``infra.try_later``, if rows stay locked by others for a minute.
    """
    chunk = GrantChunk.objects.get(pk=chunk_id)
    if chunk.decided_at is None:
        commands = [
            _command(grant, line, person_id, now)
            for line, person_id in zip(chunk.lines, chunk.people, strict=True)
        ]
        refused = _refusals(_decided(commands))
        _keep(grant.pk, chunk, refused, now)
    return chunk.size


def _command(grant: Grant, line: int, person_id: UUID, now: datetime) -> ClaimCommand:
    body = grant.batch_id.bytes + person_id.bytes
    return ClaimCommand(
        client_id=grant.client_id,
        idempotency_key=grant_key(grant.pk, line),
        fingerprint=hashlib.sha256(body).hexdigest(),
        enrolment_id=person_id,
        batch_id=grant.batch_id,
        at=now,
        client_region=None,
        is_named=True,
    )


def _decided(commands: Sequence[ClaimCommand]) -> list[ClaimOutcome]:
    """Decide all commands; those that met somebody else's locks again after a pause."""
    outcomes = vouchers_claim(commands=commands)
    for _try in range(LATER_TRIES):
        later = [place for place, outcome in enumerate(outcomes) if TRY_LATER in outcome.refusals]
        if not later:
            return outcomes
        time.sleep(LATER_PAUSE_S)
        again = vouchers_claim(commands=[commands[place] for place in later])
        for place, outcome in zip(later, again, strict=True):
            outcomes[place] = outcome
    raise DomainError(TRY_LATER.code)


def _refusals(outcomes: Sequence[ClaimOutcome]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, outcome in enumerate(outcomes):
        for code in dict.fromkeys(refusal.code for refusal in outcome.refusals):
            places.setdefault(code, []).append(place)
    return places


@retry_conflicts
def _keep(grant_id: UUID, chunk: GrantChunk, refused: dict[str, list[int]], now: datetime) -> None:
    left_out = len({place for places in refused.values() for place in places})
    granted = chunk.size - left_out
    with transaction():
        mine = GrantChunk.objects.filter(pk=chunk.pk, decided_at__isnull=True)
        if mine.update(decided_at=now, granted=granted, refused=refused):
            Grant.objects.filter(pk=grant_id).update(
                granted=F("granted") + granted, refused=F("refused") + left_out
            )
