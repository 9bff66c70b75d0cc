"""Money is integer fen (分); yuan exist only at the edges."""

from collections.abc import Sequence
from decimal import Decimal

FEN_PER_YUAN = 100
MAX_FEN = 10**15
"""Upper bound of any single amount, 10 trillion yuan: far above a programme, far below bigint."""


def yuan_text(fen: int) -> str:
    """Write an amount in yuan with two decimals: ``1014`` → ``"10.14"``."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // FEN_PER_YUAN}.{abs(fen) % FEN_PER_YUAN:02d}"


def fen_from_yuan(text: str | int | Decimal) -> int:
    """Read an amount in yuan (at most two decimals) as fen.

    Raises:
        ValueError: not a finite decimal, more precise than a fen, or beyond what is kept.
    """
    try:
        value = Decimal(str(text)) * FEN_PER_YUAN
        if abs(value) > MAX_FEN:
            raise ValueError("more than is kept")
        fen = int(value)
    except (ArithmeticError, ValueError) as error:
        raise ValueError(f"not an amount in yuan: {text!r}") from error
    if value != fen:
        raise ValueError(f"more precise than a fen: {text!r}")
    return fen


def div_half_up(numerator: int, denominator: int) -> int:
    """Divide non-negative integers, rounding a half up (domain-rules §6, §7)."""
    return (2 * numerator + denominator) // (2 * denominator)


def funder_sums(face_fen: int, weights: Sequence[int], count: int) -> list[int]:
    """Sum, per funder, the parts of the first ``count`` vouchers of a batch.

    Each funder's running sum is ``floor(count·face·Cᵢ/W) − floor(count·face·Cᵢ₋₁/W)`` with running
    weights Cᵢ of total W, so the sums add up to ``count · face`` and no funder drifts by a fen
    (architecture.md, Money; domain-rules §2).
    """
    total = sum(weights)
    sums: list[int] = []
    running = previous = 0
    for weight in weights:
        running += weight
        upper = count * face_fen * running // total
        sums.append(upper - previous)
        previous = upper
    return sums


def funder_parts(face_fen: int, weights: Sequence[int], number: int) -> list[int]:
    """Return what each funder gives to voucher ``number`` (counted from 1) of a batch, in fen."""
    before = funder_sums(face_fen, weights, number - 1)
    after = funder_sums(face_fen, weights, number)
    return [new - old for new, old in zip(after, before, strict=True)]


def split_parts(parts: Sequence[int], amount_fen: int) -> list[int]:
    """Split a cumulative ``amount_fen`` of a voucher over its funder parts.

    Nested rule (architecture.md, Money): funder 1 has ``floor(S·P₁/V)``, the rest is split over the
    remaining parts the same way, the last takes what is left. A slice of a refund is the difference
    of two neighbouring cumulative splits and is never negative.

    Raises:
        ValueError: the amount is negative or above the sum of the parts.
    """
    left_value, left_amount = sum(parts), amount_fen
    if not 0 <= amount_fen <= left_value:
        raise ValueError(f"{amount_fen} fen is outside 0..{left_value}")
    slices: list[int] = []
    for part in parts:
        share = left_amount * part // left_value if left_value else 0
        slices.append(share)
        left_value -= part
        left_amount -= share
    return slices
