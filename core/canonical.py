"""One spelling per value: canonical JSON and its hash, for approvals, evidence and fingerprints."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Any
from uuid import UUID

from core.clock import TIME_ZONE

Plain = dict[str, "Plain"] | list["Plain"] | str | int | bool | None


def to_plain(value: object) -> Plain:
    """Turn a value into what JSON holds without loss, so that it reads back from jsonb unchanged.

    Mappings (string keys), sequences, sets (sorted), dates, times, UUIDs and enum members are
    spelled as JSON; moments as RFC 3339 in Asia/Shanghai.

    Raises:
        TypeError: a float, Decimal, or anything else without one exact spelling.
        ValueError: a datetime without time zone, or text with a NUL or lone surrogate.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Mapping):
        return to_plain_object(value)
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((to_plain(item) for item in value), key=_spell)
    return _scalar(value)


def to_plain_object(value: Mapping[str, object]) -> dict[str, Any]:
    """Turn a mapping into a JSON object as `to_plain` does."""
    return {_key(key): to_plain(item) for key, item in value.items()}


def canonical_json(value: object) -> bytes:
    """Spell a value as canonical JSON: UTF-8, keys sorted, no white space, no floats."""
    return _spell(to_plain(value)).encode()


def canonical_hash(value: object) -> str:
    """Return the SHA-256 of `canonical_json` as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _spell(plain: Plain) -> str:
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _scalar(value: object) -> str | int | bool | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return _moment(value)
    raise TypeError(f"no canonical JSON for {type(value).__name__}")


def _text(value: str) -> str:
    value.encode()  # a lone surrogate has no UTF-8
    if "\x00" in value:
        raise ValueError("text with a NUL character")
    return str(value)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON key is text, not {type(key).__name__}")
    return _text(key)


def _moment(value: datetime | date | time) -> str:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC).astimezone(TIME_ZONE).isoformat()
    return value.isoformat()
