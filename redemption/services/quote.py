"""Quote: what vouchers would do for a payment, without doing it."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from core.errors import Refusal
from core.hot import OutcomeName
from redemption.services.choosing import Candidate, Considered, consider
from redemption.services.instants import instants_previewed
from redemption.services.requests import PaymentRequest
from vouchers.places import NearStore, stores_nearest

WRONG_STORE: Final = "redemption.store_not_in_scope"


class Quote(msgspec.Struct, frozen=True):
    """Usable vouchers, the best first; the others with every reason."""

    payment: PaymentRequest
    usable: tuple[Candidate, ...]
    unusable: tuple[Candidate, ...]


class QuoteOutcome(msgspec.Struct, frozen=True):
    """A quote, or why none can be made: who pays cannot be told."""

    outcome: OutcomeName
    quote: Quote | None = None
    refusals: tuple[Refusal, ...] = ()


def redemptions_quote(*, payments: Sequence[PaymentRequest]) -> list[QuoteOutcome]:
    """Tell which vouchers each payment may use, ranked, and why each other one is not usable.

    No side effect; a constant number of queries. What needs a lock is decided by the hold: a quote
    is no promise. Refused is a bad payment code or another channel's person or voucher. Where the
    store is the reason, the nearest one that takes the voucher is named.
    """
    everything = [instants_previewed(one) for one in consider(payments)]
    elsewhere = stores_nearest(
        {
            (one.voucher.batch_id, considered.till.store_id)
            for considered in everything
            for one in considered.candidates
            if considered.till and _wrong_store(one)
        }
    )
    return [_quote(considered, elsewhere) for considered in everything]


def _wrong_store(candidate: Candidate) -> bool:
    return any(refusal.code == WRONG_STORE for refusal in candidate.frozen)


def _directed(
    candidate: Candidate, store_id: UUID | None, elsewhere: Mapping[tuple[UUID, UUID], NearStore]
) -> Candidate:
    """Return the candidate with the nearest store among the values of its refusal."""
    near = elsewhere.get((candidate.voucher.batch_id, store_id)) if store_id else None
    if near is None:
        return candidate
    frozen = tuple(
        Refusal(one.code, {**one.data, "nearest_store": near}) if one.code == WRONG_STORE else one
        for one in candidate.frozen
    )
    return replace(candidate, frozen=frozen)


def _quote(
    considered: Considered, elsewhere: Mapping[tuple[UUID, UUID], NearStore]
) -> QuoteOutcome:
    # An empty wallet is an answer, not an error.
    known = set() if considered.named else {"voucher.not_found"}
    if any(one.code not in known for one in considered.refusals):
        return QuoteOutcome("REFUSED", refusals=considered.refusals)
    payment = considered.request
    usable = tuple(one for one in considered.candidates if not one.refusals)
    store_id = considered.till.store_id if considered.till else None
    unusable = tuple(
        _directed(one, store_id, elsewhere) for one in considered.candidates if one.refusals
    )
    return QuoteOutcome("ACCEPTED", Quote(payment, usable, unusable))
