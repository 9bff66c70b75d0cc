"""Transition tables: which state may follow which (architecture.md, States).

A table in Python gives a clear error before the database is asked; the trigger of the same model
refuses whatever goes round it. `state_tables` lets a test compare the two for every model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.errors import DomainError


class StateConflictError(DomainError):
    """The object is in a state from which the wanted one cannot be reached."""

    code = "state.conflict"


@dataclass(frozen=True, slots=True)
class StateTable:
    """The allowed transitions of one field of one model, as (old, new) pairs."""

    model: str
    field: str
    transitions: frozenset[tuple[str, str]]

    @property
    def terminal(self) -> frozenset[str]:
        """States that can be entered and never left."""
        return frozenset(new for _, new in self.transitions) - {old for old, _ in self.transitions}

    def allows(self, old: str, new: str) -> bool:
        """Tell whether ``new`` may follow ``old``; a state may always stay what it is."""
        return old == new or (str(old), str(new)) in self.transitions

    def assert_transition(self, old: str, new: str) -> None:
        """Check a transition.

        Raises:
            StateConflictError: ``new`` may not follow ``old``; data: state, target.
        """
        if not self.allows(old, new):
            raise self.conflict(old, new)

    @staticmethod
    def conflict(old: str, new: str) -> StateConflictError:
        """Make the error for a transition that is refused."""
        return StateConflictError(data={"state": str(old), "target": str(new)})


_tables: dict[tuple[str, str], StateTable] = {}


def state_table(
    model: str, transitions: Iterable[tuple[str, str]], *, field: str = "state"
) -> StateTable:
    """Declare the table of ``model`` (``"core.Approval"``), once, in the app's ``states.py``."""
    pairs = frozenset((str(old), str(new)) for old, new in transitions)
    table = StateTable(model=model, field=field, transitions=pairs)
    known = _tables.setdefault((model, field), table)
    if known != table:
        raise ValueError(f"two different state tables for {model}.{field}")
    return table


def state_tables() -> Mapping[tuple[str, str], StateTable]:
    """Return every declared table by (model, field)."""
    return dict(_tables)
