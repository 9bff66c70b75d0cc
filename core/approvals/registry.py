"""Which matters need approval, and what happens when one is given; upper rooms register theirs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.approvals.models import Approval
from core.passages import Passage

Snapshot = Callable[[str, Mapping[str, Any]], object]
Effect = Callable[[Approval, datetime], None]
Description = Callable[[str, Mapping[str, Any]], Sequence[str | Passage]]


def no_effect(_approval: Approval, _now: datetime) -> None:
    """Do nothing: for matters where a rejection or withdrawal changes no other row."""


def no_description(_subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say nothing: for matters whose title and content speak for themselves."""
    return []


@dataclass(frozen=True, slots=True)
class ApprovalKind:
    """A matter (事项).

    ``snapshot(subject_id, payload)`` returns everything that the approval is about, as canonical
    JSON can hold it; its hash binds the approval. ``on_approved`` runs in the transaction of the
    last agreement, ``on_closed`` in that of a rejection or withdrawal. ``describe(subject_id,
    payload)`` says in lines what the checker agrees to, ``fields`` where there is one lists every
    field that changes. The actions are permission names: who may submit, who may check (复核), who
    may sign at the second level (分管领导); ``reader_action``, where there is one, is needed to
    read its approvals at all (`core.approvals.visibility`). ``has_amount``: money is part of it.
    """

    kind: str
    title: str
    snapshot: Snapshot
    on_approved: Effect
    maker_action: str
    checker_action: str
    director_action: str
    on_closed: Effect = no_effect
    min_depth: int = 1
    reader_action: str = ""
    has_amount: bool = True
    describe: Description = no_description
    fields: Description = no_description

    def action(self, step: int) -> str:
        """Return the permission that the decision of ``step`` (counted from 1) needs."""
        return self.checker_action if step == 1 else self.director_action


_kinds: dict[str, ApprovalKind] = {}


def approval_kind_register(kind: ApprovalKind) -> None:
    """Register a matter; called once per process when its room is ready.

    Raises:
        ValueError: another one has the same name.
    """
    if _kinds.setdefault(kind.kind, kind) != kind:
        raise ValueError(f"approval kind registered twice: {kind.kind}")


def approval_kind(kind: str) -> ApprovalKind:
    """Return a registered matter.

    Raises:
        LookupError: no room registered it.
    """
    try:
        return _kinds[kind]
    except KeyError:
        raise LookupError(f"unknown approval kind {kind!r}") from None


def approval_kinds() -> tuple[ApprovalKind, ...]:
    """Return every registered matter, by name."""
    return tuple(_kinds[name] for name in sorted(_kinds))
