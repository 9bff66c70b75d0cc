"""How a case reaches the money: the room that owns the facts registers what to do with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.screening.models import Case

Freeze = Callable[[Case, Sequence[str], datetime], int]
Settle = Callable[[Case, datetime], None]


@dataclass(frozen=True, slots=True)
class CaseHooks:
    """Effects of a case, each run in the transaction of the case's own change.

    ``on_freeze(case, fact_ids, now)`` freezes the settlement of these facts and returns the fen
    newly frozen (facts frozen already, or settled, add nothing). ``on_release`` gives back what
    the case froze, ``on_uphold`` keeps it and starts recovery.
    """

    on_freeze: Freeze
    on_release: Settle
    on_uphold: Settle


_registered: list[CaseHooks] = []


def case_hooks_register(hooks: CaseHooks) -> None:
    """Register the effects; there is one set.

    Raises:
        ValueError: another set is registered.
    """
    if _registered and _registered[0] != hooks:
        raise ValueError("case hooks registered twice")
    _registered[:] = [hooks]


def case_hooks() -> CaseHooks:
    """Return the registered effects.

    Raises:
        LookupError: no room registered any.
    """
    if not _registered:
        raise LookupError("no room registered the effects of a case")
    return _registered[0]
