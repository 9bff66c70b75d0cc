"""How the units of a wave go: a falling curve with few points, and when the last one went."""

from collections.abc import Mapping
from datetime import datetime, timedelta

MOST_POINTS = 40


def curve_points(
    units: int, by_second: Mapping[int, int], *, scale: int = 1, most: int = MOST_POINTS
) -> tuple[tuple[int, int], ...]:
    """Return (seconds after the slot, units left then), the first (0, all), times ``scale``.

    ``by_second`` counts the units that went in each second; a point stands at that second's end.
    About as many points as ``most``, at equal steps of units: where they go fast, points are near.
    """
    points = [(0, units * scale)]
    left = shown = units
    step = max(1, units // most)
    last = max(by_second, default=0)
    for second in sorted(by_second):
        left -= by_second[second]
        if shown - left >= step or second == last:
            points.append((second + 1, left * scale))
            shown = left
    return tuple(points)


def sold_out_after(units: int, by_second: Mapping[int, int]) -> int | None:
    """Return in which second after the slot the last unit went; None if some are left."""
    return max(by_second) if by_second and sum(by_second.values()) == units else None


def minute_of(slot: datetime, seconds: int) -> datetime:
    """Return the minute in which a second after the slot lies."""
    return (slot + timedelta(seconds=seconds)).replace(second=0, microsecond=0)
