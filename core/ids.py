"""Identifiers: time-ordered UUIDs, their public spelling, and human-facing numbers.

An id is made by the service before the database call, by real time even in a rehearsal, and is
never read as a time (architecture.md, Ids and time).
"""

import secrets
from uuid import UUID

import uuid_utils.compat

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: no i, l, o, u
_LENGTH = 26  # 26 × 5 bits hold the 128 bits of a UUID
# Three characters at a time, and `int` by the alphabet it knows: ids are spelled on every hot call.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_TRIPLES = [pair + third for pair in _PAIRS for third in _ALPHABET]
_SHIFTS = tuple(range(105, -1, -15))
# Digits as `int` reads them in base 32; whatever is none of ours becomes one that it refuses.
_DIGITS = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[place] if place >= 0 else ord("!")
    for place in (_ALPHABET.find(chr(byte)) for byte in range(256))
)
_DOUBLED = str.maketrans("0123456789", "0246813579")
NIL = UUID(int=0)

VOUCHER_CODE_DIGITS = 16
_RANDOM_BYTES = 16


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid_utils.compat.uuid7()


def to_public(prefix: str, value: UUID) -> str:
    """Spell ``value`` for the API: prefix, underscore, 26 base32 characters (``vch_01jd…``)."""
    number = value.int
    tail = "".join([_TRIPLES[number >> shift & 32767] for shift in _SHIFTS])
    return f"{prefix}_{_PAIRS[number >> 120]}{tail}"


def from_public(prefix: str, text: str) -> UUID | None:
    """Read an id spelled by `to_public`; ``None`` if it is not one of that prefix."""
    if len(text) != len(prefix) + 1 + _LENGTH:
        return None
    head, _, body = text.partition("_")
    if head != prefix:
        return None
    try:
        return UUID(int=int(body.encode().translate(_DIGITS), 32))
    except ValueError:  # another character, or more than 128 bits
        return None


def from_shown(text: str) -> UUID | None:
    """Read an id as pages and answers show it, whatever it is of; ``None`` if it is none."""
    return from_public(text.partition("_")[0], text)


def luhn_digit(digits: str) -> str:
    """Return the Luhn check digit of a string of decimal digits."""
    summed = digits[-1::-2].translate(_DOUBLED) + digits[-2::-2]
    return str(-(sum(summed.encode()) - len(summed) * ord("0")) % 10)


def new_number(length: int) -> str:
    """Return ``length`` random decimal digits, the last of them a Luhn check digit."""
    return _checked(secrets.randbelow(10 ** (length - 1)), length)


def new_voucher_codes(count: int) -> list[str]:
    """Return random voucher codes (券码): 16 digits with a check digit, no part of the id.

    The system is asked for randomness once, for twice the bits that a code has: what is divided
    off makes no code likelier than another by more than one in 2^70.
    """
    numbers = secrets.token_bytes(_RANDOM_BYTES * count)
    most = 10 ** (VOUCHER_CODE_DIGITS - 1)
    return [
        _checked(int.from_bytes(numbers[at : at + _RANDOM_BYTES]) % most, VOUCHER_CODE_DIGITS)
        for at in range(0, len(numbers), _RANDOM_BYTES)
    ]


def _checked(number: int, length: int) -> str:
    head = f"{number:0{length - 1}d}"
    return head + luhn_digit(head)
