"""Parts of a whole by running totals: no part negative, together never above the whole's share."""

from collections.abc import Callable, Iterable


def running_shares(parts: Iterable[int], share: Callable[[int], int]) -> list[int]:
    """Return what each part gets of a shared whole, in order.

    ``share`` says what the first n units of the whole get; it never falls and gives 0 for none.
    A part gets the share of the sum up to it, less that of the sum before it.
    """
    shares, total, before = [], 0, share(0)
    for part in parts:
        total += part
        reached = share(total)
        shares.append(reached - before)
        before = reached
    return shares
