"""What differs between two documents, path by path, for the checker."""

from collections.abc import Iterator
from typing import Any

MAX_LINES = 200


def document_changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, old, new) for every value that differs; None where there was nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            inner = f"{path}.{name}" if path else name
            yield from document_changes(old.get(name), new.get(name), inner)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from document_changes(before, after, f"{path}[{index}]")
    elif old != new:
        yield path, old, new
