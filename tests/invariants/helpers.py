"""Breaking the books on purpose, to prove that a check finds it.

The application cannot do any of this: `corrupt` works as the owner of the tables, with their
triggers off and with constraints dropped. Only for tests with a database of their own
(`own_database`), which is thrown away afterwards.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections
from psycopg import sql

from core.invariants.services import invariants_check


def corrupt(
    statement: str,
    params: Sequence[Any] = (),
    *,
    disable: Iterable[str] = (),
    drop: Iterable[tuple[str, str]] = (),
) -> int:
    """Run ``statement`` as the owner; returns the rows it changed, at least one.

    ``disable`` names tables whose triggers are switched off meanwhile, ``drop`` pairs of table and
    constraint (check, unique or foreign key) that stand in the way.
    """
    with connections["owner"].cursor() as cursor:
        for table, constraint in drop:
            cursor.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    sql.Identifier(table), sql.Identifier(constraint)
                )
            )
        names = [sql.Identifier(table) for table in disable]
        for name in names:
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
        cursor.execute(statement, list(params) or None)
        changed = int(cursor.rowcount)
        for name in names:
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))
    assert changed > 0, f"nothing was corrupted by {statement}"
    return changed


def checks_failing(only: Iterable[str] | None = None) -> dict[str, int]:
    """Return the checks that do not hold, with how many rows break each."""
    return {result.name: result.violations for result in invariants_check(only=only).failed}


def assert_sound(only: Iterable[str] | None = None) -> None:
    """Assert that every registered check holds, or those named."""
    assert checks_failing(only) == {}


def assert_fires(name: str, *, also: Iterable[str] = (), only: Iterable[str] | None = None) -> None:
    """Assert that check ``name`` fires, and no other (of ``only``) but those in ``also``."""
    assert set(checks_failing(only)) == {name, *also}
