"""Quote: what vouchers would do for a payment, without doing it."""

from dataclasses import dataclass

from core.errors import RefusedError
from redemption.rules.amounts import Amounts, amounts
from redemption.services.choosing import Candidate, consider
from redemption.services.requests import PaymentRequest


@dataclass(frozen=True, slots=True)
class Quote:
    """Usable vouchers, the best first, with their amounts; the others with every reason."""

    usable: tuple[tuple[Candidate, Amounts], ...]
    unusable: tuple[Candidate, ...]


def redemption_quote(*, payment: PaymentRequest) -> Quote:
    """Tell which vouchers a payment may use, ranked, and why each other one is not usable.

    No side effect. What needs a lock is decided by the hold: a quote is no promise.

    Raises:
        RefusedError: who pays cannot be told (a bad payment code, another channel's person).
    """
    (considered,) = consider([payment])
    # An empty wallet is an answer, not an error.
    known = set() if considered.named else {"voucher.not_found"}
    if any(one.code not in known for one in considered.refusals):
        raise RefusedError(considered.refusals)
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
    return Quote(usable, tuple(one for one in considered.candidates if one.refusals))
