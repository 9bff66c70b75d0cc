"""What one round of a way was and gave, and the summary of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Round:
    """So many units, so many who asked for one, and so many rows that say they got it."""

    units: int
    asked: int
    counted: int
    played: dict[str, Any]
    detail: dict[str, Any]

    @property
    def over(self) -> int:
        """Units given that were not there."""
        return max(0, self.counted - self.units)

    def document(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        return {
            "units": self.units,
            "asked": self.asked,
            "counted": self.counted,
            "over_use": self.over,
            **self.played,
            **self.detail,
        }


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return medians, with every round beside them."""
    rates = [one.played["per_s"] for one in rounds]
    over = [one.over for one in rounds]
    return {
        "accepted_per_s": median(rates),
        "spread_per_s": [min(rates), max(rates)],
        "over_use": median(over),
        "over_use_spread": [min(over), max(over)],
        "rounds": [one.document() for one in rounds],
    }


def dealt(things: Sequence[T], hands: int) -> list[Sequence[T]]:
    """Deal things out in turn."""
    return [things[hand::hands] for hand in range(hands)]
