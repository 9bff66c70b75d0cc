"""The two spellings of a payment code: for the screen (QR) and, with a check digit, for typing."""

import re
from dataclasses import dataclass
from uuid import UUID

from core.ids import luhn_digit
from core.pii import pii_digest

TEXT_PREFIX = "XFQ"
NUMERIC_PREFIX = "90"
NUMERIC_DIGITS = 18
_TEXT = re.compile(r"XFQ[0-9A-F]{32}", re.ASCII)
_NUMERIC = re.compile(r"90[0-9]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CodeText:
    """A code in both spellings; only their hashes are stored."""

    text: str
    numeric: str


def code_text(client_id: UUID, idempotency_key: str, *, draw: int = 0) -> CodeText:
    """Return the code of a request: derived under the pepper from its client and key.

    Nobody without the pepper can guess it, and a repeated request gets the same code though the
    platform keeps only hashes. Another ``draw`` has other digits, should those be taken.
    """
    digest = pii_digest("payment_code.seed", f"{client_id}:{idempotency_key}")
    drawn = pii_digest("payment_code.draw", f"{digest}:{draw}") if draw else digest
    head = NUMERIC_PREFIX + str(int(drawn[32:], 16) % 10**15).zfill(15)
    return CodeText(TEXT_PREFIX + digest[:32].upper(), head + luhn_digit(head))


def code_hash(code: str) -> str | None:
    """Return the hash a code is stored under; None if it is no code of this platform."""
    numeric = _NUMERIC.fullmatch(code)
    if numeric and luhn_digit(code[:-1]) != code[-1]:
        return None
    if numeric or _TEXT.fullmatch(code):
        return pii_digest("payment_code", code)
    return None
