"""State tables in Python say exactly what the triggers of the models say."""

import importlib
from itertools import product
from pathlib import Path

import pgtrigger
import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Model

from core.states import StateConflictError, StateTable, state_table, state_tables

STATE_MODULES = [
    ".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts)
    for config in apps.get_app_configs()
    for path in sorted(Path(config.path).rglob("states.py"))
    if path.is_relative_to(settings.BASE_DIR) and ".venv" not in path.parts
]
for name in STATE_MODULES:
    importlib.import_module(name)


def machines() -> list[tuple[str, type[Model], pgtrigger.FSM]]:
    """Return every model with a state machine in the database."""
    return [
        (model._meta.label, model, trigger)
        for model in apps.get_models()
        for trigger in getattr(model._meta, "triggers", ())
        if isinstance(trigger, pgtrigger.FSM)
    ]


def by_name(text: str) -> set[tuple[str, str]]:
    """Read ``A>B C>D`` as pairs."""
    return {(old, new) for old, new in (pair.split(">") for pair in text.split())}


# architecture.md, States
PUBLISHED = {
    "vouchers.Voucher": by_name(
        "ACTIVE>HELD HELD>REDEEMED HELD>ACTIVE ACTIVE>EXPIRED ACTIVE>VOIDED ACTIVE>FROZEN"
        " FROZEN>ACTIVE FROZEN>VOIDED FROZEN>EXPIRED REDEEMED>ACTIVE REDEEMED>VOIDED"
        " REDEEMED>EXPIRED"
    ),
    "redemption.Redemption": by_name(
        "HELD>CONFIRMED HELD>RELEASED HELD>TIMED_OUT TIMED_OUT>CONFIRMED CONFIRMED>CANCELLED"
    ),
    "vouchers.QuotaRelease": by_name("PLANNED>OPEN OPEN>CLOSED PLANNED>CANCELLED"),
    "core.Approval": by_name("PENDING>APPROVED PENDING>REJECTED PENDING>WITHDRAWN"),
    "core.Case": by_name(
        "OPEN>IN_REVIEW OPEN>RELEASED OPEN>UPHELD IN_REVIEW>RELEASED IN_REVIEW>UPHELD"
    ),
}


def in_database() -> dict[str, set[tuple[str, str]]]:
    """Return the transitions that each model's trigger allows."""
    return {
        f"{model._meta.label}.{trigger.field}": {
            (str(old), str(new)) for old, new in trigger.transitions
        }
        for _, model, trigger in machines()
    }


@pytest.mark.parametrize("table", state_tables().values(), ids=lambda table: table.model)
def test_a_table_in_python_is_the_matrix_of_the_trigger(table: StateTable) -> None:
    model = apps.get_model(table.model)
    allowed = in_database()[f"{table.model}.{table.field}"]
    values = [str(value) for value, _ in model._meta.get_field(table.field).choices]
    assert {name for pair in table.transitions for name in pair} <= set(values)
    for old, new in product(values, values):
        assert table.allows(old, new) is (old == new or (old, new) in allowed), f"{old} → {new}"


@pytest.mark.parametrize("model", PUBLISHED)
def test_triggers_allow_exactly_the_published_transitions(model: str) -> None:
    assert in_database()[f"{model}.state"] == PUBLISHED[model]


TABLE = state_table("tests.Thing", [("A", "B"), ("B", "C")])


def test_terminal_states_are_entered_and_never_left() -> None:
    assert TABLE.terminal == {"C"}


def test_a_refused_transition_names_both_states() -> None:
    TABLE.assert_transition("A", "B")
    TABLE.assert_transition("B", "B")
    with pytest.raises(StateConflictError) as caught:
        TABLE.assert_transition("A", "C")
    assert caught.value.data == {"state": "A", "target": "C"}
    assert caught.value.status == 409


def test_a_table_is_declared_once() -> None:
    assert state_table("tests.Thing", [("B", "C"), ("A", "B")]) == TABLE
    with pytest.raises(ValueError, match="two different"):
        state_table("tests.Thing", [("A", "C")])
