"""The registry of checks; rooms register theirs when they are ready."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A rule of the books: ``sql`` selects what breaks it, so it must return no row.

    The query names its columns for the reader (an id first); it runs as the application's role,
    takes no parameters and writes a literal percent sign as it is.
    """

    name: str
    title_zh: str
    sql: str


_checks: dict[str, Check] = {}


def register(name: str, title_zh: str, sql: str) -> None:
    """Register a check under ``<room>.<rule>``.

    Raises:
        ValueError: another check has the name.
    """
    check = Check(name, title_zh, sql)
    if _checks.setdefault(name, check) != check:
        raise ValueError(f"check registered twice: {name}")


def checks() -> tuple[Check, ...]:
    """Return every registered check, by name."""
    return tuple(_checks[name] for name in sorted(_checks))
