"""Quote: what vouchers would do for a payment, without doing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Refusal
from core.hot import OutcomeName
from redemption.rules.amounts import Amounts, amounts
from redemption.services.choosing import Candidate, Considered, consider
from redemption.services.requests import PaymentRequest


@dataclass(frozen=True, slots=True)
class Quote:
    """Usable vouchers, the best first, with their amounts; the others with every reason."""

    payment: PaymentRequest
    usable: tuple[tuple[Candidate, Amounts], ...]
    unusable: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class QuoteOutcome:
    """A quote, or why none can be made: who pays cannot be told."""

    outcome: OutcomeName
    quote: Quote | None = None
    refusals: tuple[Refusal, ...] = ()


def redemptions_quote(*, payments: Sequence[PaymentRequest]) -> list[QuoteOutcome]:
    """Tell which vouchers each payment may use, ranked, and why each other one is not usable.

    No side effect; a constant number of queries. What needs a lock is decided by the hold: a quote
    is no promise. Refused is a bad payment code or another channel's person or voucher.
    """
    return [_quote(considered) for considered in consider(payments)]


def _quote(considered: Considered) -> QuoteOutcome:
    # An empty wallet is an answer, not an error.
    known = set() if considered.named else {"voucher.not_found"}
    if any(one.code not in known for one in considered.refusals):
        return QuoteOutcome("REFUSED", refusals=considered.refusals)
    payment = considered.request
    usable = tuple(
        (
            one,
            amounts(
                one.voucher,
                order_fen=payment.order_fen,
                other_discount_fen=payment.other_discount_fen,
            ),
        )
        for one in considered.candidates
        if not one.refusals
    )
    unusable = tuple(one for one in considered.candidates if one.refusals)
    return QuoteOutcome("ACCEPTED", Quote(payment, usable, unusable))
