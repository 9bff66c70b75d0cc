"""Illustrative behaviour of the people of a rehearsal: tickets, habits, mishaps."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Mishap = Literal[
    "NONE",
    "BELOW_THRESHOLD",
    "WRONG_FLOW",
    "WRONG_CARD",
    "DUPLICATE",
    "TIME_OUT",
    "LATE_CONFIRM",
    "RELEASE",
    "CANCEL",
    "REFUND_FULL",
    "REFUND_PART",
    "REFUND_LATE",
]

# Shares of redemption attempts, in thousandths; the rest goes without mishap.
MISHAPS: dict[Mishap, int] = {
    "BELOW_THRESHOLD": 20,
    "WRONG_FLOW": 6,
    "WRONG_CARD": 8,
    "DUPLICATE": 15,
    "TIME_OUT": 10,
    "LATE_CONFIRM": 4,
    "RELEASE": 10,
    "CANCEL": 10,
    "REFUND_FULL": 8,
    "REFUND_PART": 10,
    "REFUND_LATE": 6,
}
THOUSAND = 1_000
USED_SHARE = 0.67
"""Of the vouchers claimed, how many people try to use: some come too late or meet a refusal, so
that the published rate of 61.1 % by count is left."""

# Mean order as a multiple of the threshold, so that direct sales reach the published total.
ORDER_MULTIPLE = {500: 4.2, 1_000: 3.6, 5_000: 2.6, 10_000: 2.6}
USUAL_MULTIPLE = 2.5
# When people go shopping after a claim: days later, hour, share.
SHOPPING = ((0, 12, 45), (0, 19, 25), (1, 12, 20), (2, 19, 10))


@dataclass(frozen=True, slots=True)
class Habit:
    """What one person will do with one voucher."""

    uses: bool
    at: datetime
    order_fen: int
    mishap: Mishap
    quotes: bool


def habit_of(seed: str, *, claimed_at: datetime, threshold_fen: int) -> Habit:
    """Decide from the seed alone, so that a rehearsal can be repeated."""
    chance = random.Random(seed)  # noqa: S311 - behaviour, not a secret
    days, hour, _ = chance.choices(SHOPPING, [share for _, _, share in SHOPPING])[0]
    midnight = claimed_at.replace(hour=0, minute=0, second=0, microsecond=0)
    extra = ORDER_MULTIPLE.get(threshold_fen, USUAL_MULTIPLE) - 1
    # Above the threshold by a skewed amount: mean `extra` thresholds, some right at it.
    order = threshold_fen + int(chance.expovariate(1 / (extra * threshold_fen)))
    return Habit(
        uses=chance.random() < USED_SHARE,
        at=midnight + timedelta(days=days, hours=hour),
        order_fen=order - order % 10 if chance.random() < 0.7 else order,
        mishap=_mishap(chance),
        quotes=chance.random() < 0.25,
    )


def _mishap(chance: random.Random) -> Mishap:
    roll = chance.randrange(THOUSAND)
    for mishap, share in MISHAPS.items():
        if roll < share:
            return mishap
        roll -= share
    return "NONE"
