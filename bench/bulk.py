"""What large work is measured against: bare COPY and bare UPDATE of the very same rows.

Copies of tables are made as the owner, with the same columns, checks, indexes and page filling, and
without triggers or foreign keys: nothing a service does can be cheaper.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from django.db import connections
from psycopg import sql

BLOCK_BYTES = 1 << 20
ROOT = Path(__file__).parents[1]


def process_run(*arguments: str) -> dict[str, Any]:
    """Run `bench.process` as a process of its own; returns what it measured."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.process", *arguments],
        cwd=ROOT,
        env={**os.environ, "XFQ_LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = orjson.loads(done.stdout)
    return result


def table_copy(table: str) -> str:
    """Make an empty copy of a table; returns its name."""
    name = f"bare_{table}"
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                sql.Identifier(name), sql.Identifier(table)
            )
        )
        cursor.execute("SELECT unnest(reloptions) FROM pg_class WHERE oid = %s::regclass", [table])
        for (option,) in cursor.fetchall():
            cursor.execute(
                sql.SQL("ALTER TABLE {} SET ({})").format(sql.Identifier(name), sql.SQL(option))
            )
    return name


def copy_seconds(rows: Mapping[str, str], folder: Path) -> dict[str, float]:
    """Write rows out (table → SELECT) and COPY them into copies of their tables.

    Returns the seconds of each COPY in; writing out is not counted.
    """
    seconds = {}
    for table, select in rows.items():
        file = folder / f"{table}.copy"
        name = table_copy(table)
        with (
            connections["owner"].cursor() as cursor,
            file.open("wb") as target,
            cursor.copy(f"COPY ({select}) TO STDOUT") as out,
        ):
            for block in out:
                target.write(block)
        with connections["owner"].cursor() as cursor, file.open("rb") as source:
            started = time.perf_counter()
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as into:
                while block := source.read(BLOCK_BYTES):
                    into.write(block)
            seconds[table] = time.perf_counter() - started
        file.unlink()
    return seconds


def update_seconds(table: str, *, assign: str, where: str) -> tuple[float, int]:
    """Update a filled copy of a table in one statement; returns its seconds and rows."""
    name = sql.Identifier(table_copy(table))
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            sql.SQL("INSERT INTO {} SELECT * FROM {}").format(name, sql.Identifier(table))
        )
        cursor.execute(sql.SQL("ANALYZE {}").format(name))
        statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
            name,
            sql.SQL(assign),
            sql.SQL(where),
        )
        started = time.perf_counter()
        cursor.execute(statement)
        return time.perf_counter() - started, cursor.rowcount
