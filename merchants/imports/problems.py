"""What is wrong with a file: the row, the column and the reason, in words for the sender."""

from collections.abc import Iterator
from dataclasses import dataclass, field

PROBLEMS_MAX = 5_000
"""Listed at most; a file with more has one fault many times."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A fault: ``row`` counts from 1 as the spreadsheet shows it, 0 means the whole file."""

    row: int
    column: str
    reason: str


@dataclass(slots=True)
class Problems:
    """The faults found so far, bounded; ``count`` goes on counting."""

    items: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, row: int, column: str, reason: str) -> None:
        """Note a fault."""
        self.count += 1
        if len(self.items) < PROBLEMS_MAX:
            self.items.append(Problem(row, column, str(reason)))

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return self.count > 0

    def __iter__(self) -> Iterator[Problem]:
        """Give them by row."""
        return iter(sorted(self.items))
