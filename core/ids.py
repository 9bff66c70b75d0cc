"""Identifiers: time-ordered UUIDs, their public spelling, and human-facing numbers.

An id is made by the service before the database call, by real time even in a rehearsal, and is
never read as a time (architecture.md, Ids and time).
"""

import secrets
from uuid import UUID

import uuid_utils.compat

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: no i, l, o, u
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}
_LENGTH = 26  # 26 × 5 bits hold the 128 bits of a UUID
NIL = UUID(int=0)

VOUCHER_CODE_DIGITS = 16


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid_utils.compat.uuid7()


def to_public(prefix: str, value: UUID) -> str:
    """Spell ``value`` for the API: prefix, underscore, 26 base32 characters (``vch_01jd…``)."""
    number = value.int
    chars = [_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5)]
    return f"{prefix}_{''.join(chars)}"


def from_public(prefix: str, text: str) -> UUID | None:
    """Read an id spelled by `to_public`; ``None`` if it is not one of that prefix."""
    head, _, body = text.partition("_")
    if head != prefix or len(body) != _LENGTH:
        return None
    number = 0
    for char in body:
        value = _VALUES.get(char)
        if value is None:
            return None
        number = number << 5 | value
    return UUID(int=number) if number < 1 << 128 else None


def luhn_digit(digits: str) -> str:
    """Return the Luhn check digit of a string of decimal digits."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def new_number(length: int) -> str:
    """Return ``length`` random decimal digits, the last of them a Luhn check digit."""
    head = f"{secrets.randbelow(10 ** (length - 1)):0{length - 1}d}"
    return head + luhn_digit(head)


def new_voucher_code() -> str:
    """Return a random voucher code (券码): 16 digits with a check digit, no part of the id."""
    return new_number(VOUCHER_CODE_DIGITS)
