"""Transitions of a case (architecture.md, States)."""

from core.screening.models import CaseState
from core.states import state_table

CASE_STATES = state_table(
    "core.Case",
    [
        (CaseState.OPEN, CaseState.IN_REVIEW),
        (CaseState.OPEN, CaseState.RELEASED),
        (CaseState.OPEN, CaseState.UPHELD),
        (CaseState.IN_REVIEW, CaseState.RELEASED),
        (CaseState.IN_REVIEW, CaseState.UPHELD),
    ],
)
