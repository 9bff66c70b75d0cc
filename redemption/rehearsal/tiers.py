"""Illustrative behaviour of the people of a rehearsal: tickets, habits, mishaps."""

import random
from collections.abc import Mapping
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
AWAY_REGION = "440100"
AWAY, DUPLICATE, SECOND_TIER, NAMELESS = 12, 15, 25, 3
"""In thousandths of the claims of a wave: from another province, sent twice, a second one, by
somebody who has shown no document."""
USED_SHARE = 0.67
"""Of the vouchers claimed, how many people try to use: some come too late or meet a refusal, so
that the published rate of 61.1 % by count is left."""

# Mean order as a multiple of the threshold, so that direct sales reach the published total.
ORDER_MULTIPLE = {500: 4.2, 1_000: 3.6, 5_000: 2.6, 10_000: 2.6}
USUAL_MULTIPLE = 2.5
# When people go shopping after a claim: shares of days later and of hours. A moment is played in
# seconds; were all of a day's customers put into two moments, every till would show a run (FM6).
DAYS_LATER = {0: 70, 1: 20, 2: 10}
HOURS = {10: 6, 11: 10, 12: 15, 13: 9, 14: 5, 15: 5, 16: 6, 17: 9, 18: 14, 19: 11, 20: 6, 21: 4}
FEW_HOURS = {12: 65, 19: 35}


@dataclass(frozen=True, slots=True)
class Habit:
    """What one person will do with one voucher."""

    uses: bool
    at: datetime
    order_fen: int
    mishap: Mishap
    quotes: bool


def habit_of(
    seed: str, *, claimed_at: datetime, threshold_fen: int, hours: Mapping[int, int]
) -> Habit:
    """Decide from the seed alone, so that a rehearsal can be repeated; ``hours`` with shares."""
    chance = random.Random(seed)  # noqa: S311 - behaviour, not a secret
    (days,) = chance.choices(list(DAYS_LATER), list(DAYS_LATER.values()))
    (hour,) = chance.choices(list(hours), list(hours.values()))
    midnight = claimed_at.replace(hour=0, minute=0, second=0, microsecond=0)
    order = order_above(chance, threshold_fen)
    return Habit(
        uses=chance.random() < USED_SHARE,
        at=midnight + timedelta(days=days, hours=hour),
        order_fen=order - order % 10 if chance.random() < 0.7 else order,
        mishap=_mishap(chance),
        quotes=chance.random() < 0.25,
    )


def order_above(chance: random.Random, threshold_fen: int) -> int:
    """Draw an order of somebody who buys for the threshold, in fen.

    Above it by a skewed amount: mean `ORDER_MULTIPLE` thresholds in all, some right at it.
    """
    extra = ORDER_MULTIPLE.get(threshold_fen, USUAL_MULTIPLE) - 1
    return threshold_fen + int(chance.expovariate(1 / (extra * threshold_fen)))


def _mishap(chance: random.Random) -> Mishap:
    roll = chance.randrange(THOUSAND)
    for mishap, share in MISHAPS.items():
        if roll < share:
            return mishap
        roll -= share
    return "NONE"
