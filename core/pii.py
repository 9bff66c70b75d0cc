"""Personal data as keyed hashes and masked tails; a raw number is never stored (architecture.md).

A hash is HMAC-SHA256 under a versioned pepper (settings XFQ_PEPPERS). A new value is written under
the newest version; a lookup tries every live version, newest first.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _
from stdnum.cn import ric
from stdnum.exceptions import ValidationError as NumberError

from core.errors import InvalidParametersError

DOCUMENT: Final = "DOCUMENT"
MOBILE: Final = "MOBILE"
DEVICE: Final = "DEVICE"
CARD: Final = "CARD"
ACCOUNT: Final = "ACCOUNT"
KINDS: Final = (DOCUMENT, MOBILE, DEVICE, CARD, ACCOUNT)

RESIDENT_ID: Final = "RESIDENT_ID"
HKMT_RESIDENCE: Final = "HKMT_RESIDENCE"
HKM_PERMIT: Final = "HKM_PERMIT"
TW_PERMIT: Final = "TW_PERMIT"
PASSPORT: Final = "PASSPORT"
FOREIGN_RESIDENT: Final = "FOREIGN_RESIDENT"
DOCUMENT_TYPES: Final[dict[str, str]] = {
    RESIDENT_ID: "居民身份证",
    HKMT_RESIDENCE: "港澳台居民居住证",
    HKM_PERMIT: "港澳居民来往内地通行证",
    TW_PERMIT: "台湾居民来往大陆通行证",
    PASSPORT: "护照",
    FOREIGN_RESIDENT: "外国人永久居留证",
}
"""The verified documents of domain-rules §5."""

_SHAPES: Final[dict[str, re.Pattern[str]]] = {
    RESIDENT_ID: re.compile(r"[1-7][0-9]{16}[0-9X]"),
    HKMT_RESIDENCE: re.compile(r"8[123]0000[0-9]{11}[0-9X]"),
    HKM_PERMIT: re.compile(r"[HM][0-9]{8}"),
    TW_PERMIT: re.compile(r"[0-9]{8}"),
    PASSPORT: re.compile(r"[A-Z0-9]{5,20}"),
    FOREIGN_RESIDENT: re.compile(r"9[0-9]{16}[0-9X]|[A-Z]{3}[0-9]{12}"),
    MOBILE: re.compile(r"1[3-9][0-9]{9}"),
    DEVICE: re.compile(r"[!-~]{8,128}"),
    CARD: re.compile(r"[0-9A-Za-z_-]{8,64}"),
    ACCOUNT: re.compile(r"[!-~]{1,128}"),
}
_SEPARATORS: Final = re.compile(r"[\s\u00a0\u3000-]+")
_GAPS: Final = re.compile(r"[\s\u2010-\u2015-]+")
_DATE: Final = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}-[01]?[0-9]-[0-3]?[0-9](?![0-9])")
_WHOLE: Final = re.compile(r"[0-9]{11}")
"""A mobile has 11 digits, documents and cards more; an X at the end comes after 17 of them."""
SHORTEST: Final = 5
"""Characters of the shortest document; what is shorter is no number to look for in a sentence."""


@dataclass(frozen=True, slots=True)
class KeyedHash:
    """A hash (hex) and the version of the pepper it was made with."""

    version: int
    digest: str


def pii_normalise(kind: str, raw: str, *, document_type: str = RESIDENT_ID) -> str:
    """Return the one spelling of a number that is hashed.

    Full-width characters become half-width, letters of documents upper-case, separators go. A
    resident id is checked by its check digit and date, not by its region: the code is the one of
    the first registration and may be of a county that no longer exists.

    Raises:
        InvalidParametersError: not a valid number of that kind; the message never repeats it.
    """
    text = unicodedata.normalize("NFKC", raw).strip()
    if kind in (DOCUMENT, MOBILE, CARD):
        text = _SEPARATORS.sub("", text)
    if kind == DOCUMENT:
        return _document(text.upper(), document_type)
    if kind == MOBILE:
        text = text.removeprefix("+86").removeprefix("0086")
    if not _SHAPES[kind].fullmatch(text):
        raise InvalidParametersError.one(kind.lower(), _("格式不正确"))
    return text


def pii_hashes(kind: str, raw: str, *, document_type: str = RESIDENT_ID) -> list[KeyedHash]:
    """Return the hash under every live pepper, newest first; raises as `pii_normalise`."""
    value = pii_normalise(kind, raw, document_type=document_type)
    scope = f"{kind}:{document_type}" if kind == DOCUMENT else kind
    message = f"{scope}\0{value}".encode()
    peppers: dict[int, bytes] = settings.XFQ_PEPPERS
    return [
        KeyedHash(version, hmac.digest(peppers[version], message, "sha256").hex())
        for version in sorted(peppers, reverse=True)
    ]


def pii_hash(kind: str, raw: str, *, document_type: str = RESIDENT_ID) -> KeyedHash:
    """Return the hash under the newest pepper; raises as `pii_normalise`."""
    return pii_hashes(kind, raw, document_type=document_type)[0]


def pii_tail(kind: str, raw: str, *, document_type: str = RESIDENT_ID) -> str:
    """Return what may be shown: stars and the last four characters.

    Fewer of short values, a third at most; of a mobile always the four that everybody goes by.
    """
    value = pii_normalise(kind, raw, document_type=document_type)
    shown = 4 if kind == MOBILE else min(4, len(value) // 3)
    return f"****{value[len(value) - shown :]}"


def assert_no_number(name: str, text: str, *, entered: str = "") -> None:
    """Refuse a sentence that is kept and holds a whole number, however it is spaced.

    A whole number is ``entered`` (what was typed in a field that is not kept), or 11 digits and
    more in a row; a date written 2026-03-06 is none. ``name`` is the field of the sentence.

    Raises:
        InvalidParametersError: naming the field; the message never repeats the number.
    """
    squeezed = _squeezed(text)
    sought = _squeezed(entered)
    if _WHOLE.search(squeezed) or (len(sought) >= SHORTEST and sought in squeezed):
        raise InvalidParametersError.one(name, _("不得写完整号码，只写后四位"))


def _squeezed(text: str) -> str:
    """Return the text half-width and upper-case, without gaps, dates as a mark."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return _GAPS.sub("", _DATE.sub("/", plain))


def pii_digest(purpose: str, value: str) -> str:
    """Return the hash (hex, newest pepper) of an opaque secret such as a payment code."""
    peppers: dict[int, bytes] = settings.XFQ_PEPPERS
    message = f"{purpose}\0{value}".encode()
    return hmac.digest(peppers[max(peppers)], message, "sha256").hex()


def _document(value: str, document_type: str) -> str:
    if document_type not in DOCUMENT_TYPES:
        raise InvalidParametersError.one("document_type", _("不支持的证件类型"))
    if not _SHAPES[document_type].fullmatch(value) or not _checked(value, document_type):
        raise InvalidParametersError.one("document", _("证件号码不正确"))
    return value


def _checked(value: str, document_type: str) -> bool:
    """Check date and check digit of the 18-digit documents; the others have none."""
    if document_type in (HKM_PERMIT, TW_PERMIT, PASSPORT) or len(value) != 18:
        return True
    try:
        ric.get_birth_date(value)
    except NumberError:
        return False
    return bool(ric.calc_check_digit(value) == value[-1])
