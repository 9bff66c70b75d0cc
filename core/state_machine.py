"""States that only move as they may: kept by a trigger that runs for a forbidden move alone."""

from collections.abc import Iterable

import pgtrigger


class StateMachine(pgtrigger.FSM):
    """A state machine on ``state``; the database refuses every move that is not in its list.

    The library's trigger looks its list up by a query for every row that is updated, which is a
    third of the update of a voucher; here the list is the trigger's own condition, and its function
    only says no.
    """

    def __init__(self, transitions: Iterable[tuple[str, str]]) -> None:
        """Take the moves that are allowed, as pairs of states."""
        allowed = list(transitions)
        moves = ", ".join(f"'{old}:{new}'" for old, new in allowed)
        changed = "OLD.state IS DISTINCT FROM NEW.state"
        condition = f"{changed} AND (OLD.state || ':' || NEW.state) NOT IN ({moves})"
        super().__init__(
            name="states",
            field="state",
            transitions=allowed,
            condition=pgtrigger.Condition(condition),
        )
