"""JSON as the API accepts it: one meaning per text, for every way in."""

import json
from typing import Any

import orjson


class MalformedJsonError(ValueError):
    """The text is not JSON, or could be read in two ways."""


def json_read(raw: bytes) -> Any:
    """Return the decoded value; whole numbers exactly, whatever their size.

    Raises:
        MalformedJsonError: broken UTF-8, NaN or Infinity, a lone surrogate, a NUL, nesting too
            deep, a number too long, a repeated member.
    """
    try:
        # orjson refuses what the standard library lets through (NaN, surrogates) …
        value = orjson.loads(raw)
        if orjson.dumps(value) == raw and _NUL not in raw:
            # Nothing got lost on the way, so no member was there twice: most machines write so.
            return value
        # … and the standard library shows repeated members and keeps long integers exact.
        return _DECODER.decode(raw.decode())
    except MalformedJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedJsonError("not valid JSON") from error


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJsonError("repeated member")
    for key, value in pairs:
        if "\0" in key or (isinstance(value, str) and "\0" in value):
            raise MalformedJsonError("NUL character")
    return members


_NUL = b"\\u0000"
# Made once: `json.loads` makes one for every text.
_DECODER = json.JSONDecoder(object_pairs_hook=_members)
