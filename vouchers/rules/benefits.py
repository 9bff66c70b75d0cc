"""What a benefit gives on an amount (domain-rules §3, §7). Pure functions."""

from core.money import div_half_up
from vouchers.rules.benefit_model import (
    FULL_BP,
    Benefit,
    ExchangeBenefit,
    PercentageBenefit,
    RandomBenefit,
    TiersBenefit,
)


def subsidy_of(benefit: Benefit, *, face_fen: int, base_fen: int, draw: int = 0) -> int:
    """Return what is taken off where ``base_fen`` counts, in fen; at most the face.

    ``draw`` is a large random number of the voucher, which decides between the least and the face.

    The face, or of a percentage ``min(half_up(base × rate), cap)``, or that of the highest tier
    whose lower bound is reached; of an exchange ``base_fen`` is what the item costs. Appliances
    of grade 1 in 2025: 4,599 at 20 % → 919.80; a car of 199,999.99 in Bao'an → 5,000. What is
    below the least amount or above a ceiling is not asked here: see `least_base`, `ceiling_of`.
    """
    match benefit:
        case PercentageBenefit():
            return min(div_half_up(max(base_fen, 0) * benefit.rate_bp, FULL_BP), face_fen)
        case TiersBenefit():
            reached = (tier.subsidy_fen for tier in benefit.tiers if base_fen >= tier.from_fen)
            return max(reached, default=0)
        case ExchangeBenefit():
            return min(base_fen, face_fen)
        case RandomBenefit():
            return benefit.min_fen + draw % (face_fen - benefit.min_fen + 1)
        case _:
            return face_fen


def expected_fen(benefit: Benefit, *, face_fen: int) -> int:
    """Return what a voucher costs on average, rounded up: what its budget has to cover."""
    if isinstance(benefit, RandomBenefit):
        return -(-(benefit.min_fen + face_fen) // 2)
    return face_fen


def least_base(benefit: Benefit) -> int:
    """Return the least amount that gives anything: the threshold, or enough for a fen."""
    match benefit:
        case PercentageBenefit():
            return max(benefit.threshold_fen, -(-FULL_BP // (2 * benefit.rate_bp)))
        case TiersBenefit():
            return benefit.tiers[0].from_fen
        case _:
            return benefit.threshold_fen


def ceiling_of(benefit: Benefit) -> int | None:
    """Return the highest price that is still eligible (6,000 is, 6,000.01 is not); None for any."""
    return benefit.ceiling_fen if isinstance(benefit, PercentageBenefit) else None
