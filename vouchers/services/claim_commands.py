"""What is asked of the claim service, and what became of it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.errors import Refusal
from core.hot import OutcomeName
from vouchers.identity import IdentityToken
from vouchers.rules.model import IssuingName
from vouchers.services.claim_facts import ClaimFact


class ClaimCommand(NamedTuple):
    """One person's wish for one voucher of a batch.

    ``at`` is the server's receipt of the request (business time), ``region_code`` where the
    channel located the person, ``device`` the device the request was made on: it counts like a
    registered one. Batches whose campaign lies outside of ``client_region`` do not exist for a
    channel; a desk or a grant, which name none, see all. ``is_named``: an approved list names this
    very person for this batch (a grant), so the batch's audience is not asked. ``issuing`` is who
    asks: the person, or the rule by which a batch is given; a batch that is given another way does
    not exist.
    """

    client_id: UUID
    idempotency_key: str
    fingerprint: str
    enrolment_id: UUID
    batch_id: UUID
    at: datetime
    client_region: str | None
    region_code: str | None = None
    device: IdentityToken | None = None
    units: int = 1
    is_named: bool = False
    issuing: IssuingName = "CLAIM"


class ClaimOutcome(NamedTuple):
    """What became of a command: a fact (ACCEPTED, REPLAY) or all reasons against it (REFUSED)."""

    outcome: OutcomeName
    claim: ClaimFact | None = None
    refusals: tuple[Refusal, ...] = ()
