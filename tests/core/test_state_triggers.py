"""Every state machine in the database: what its trigger lets pass and what it stops.

The models are hard to bring into each of their states, so the trigger is put on a table of states
alone, as PostgreSQL spells it. `test_states.py` compares the lists in Python.
"""

from itertools import product

import pgtrigger
import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Field, Model

from tests.core.test_states import machines

DEFINITION = """
    SELECT pg_get_triggerdef(t.oid), t.tgenabled,
           (SELECT a.attnotnull FROM pg_attribute a
             WHERE a.attrelid = t.tgrelid AND a.attname = 'state')
      FROM pg_trigger t WHERE t.tgrelid = %s::regclass AND t.tgname LIKE 'pgtrigger\\_states\\_%%'
"""


def passes(old: str, new: str) -> bool:
    """Tell whether the trigger on ``moves`` lets a row go from one state to the other."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO moves (state) VALUES (%s)", [old])
        try:
            with transaction.atomic():
                cursor.execute("UPDATE moves SET state = %s, other = 1", [new])
                cursor.execute("SELECT state FROM moves")
                assert cursor.fetchall() == [(new,)]
        except DatabaseError as error:
            assert f'from "{old}" to "{new}"' in str(error)  # noqa: PT017 - what it says
            return False
        finally:
            cursor.execute("DELETE FROM moves")
    return True


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "trigger"), [pytest.param(model, one, id=name) for name, model, one in machines()]
)
def test_the_trigger_stops_every_move_but_those_listed(
    model: type[Model], trigger: pgtrigger.FSM
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(DEFINITION, [model._meta.db_table])
        ((definition, enabled, never_null),) = cursor.fetchall()
        cursor.execute("CREATE TEMPORARY TABLE moves (state varchar, other integer)")
        there = f" ON public.{model._meta.db_table} "
        assert there in definition
        cursor.execute(definition.replace(there, " ON moves "))
    assert enabled == "O"
    # A condition on NULL is not met: the column itself has to keep it out.
    assert never_null
    allowed = {(str(old), str(new)) for old, new in trigger.transitions}
    field = model._meta.get_field("state")
    assert isinstance(field, Field)
    values = [str(value) for value, _ in field.flatchoices]
    found = {pair for pair in product([*values, "ELSEWHERE"], repeat=2) if passes(*pair)}
    assert found == allowed | {(one, one) for one in [*values, "ELSEWHERE"]}
