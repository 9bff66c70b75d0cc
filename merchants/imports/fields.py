"""The value of one cell: read, or a `CellError` with the reason in words for the sender."""

import re
import unicodedata
from datetime import date, time
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from merchants.mcc import industry_of
from merchants.services.payees import MERCHANT_NO_SHAPE, account_normalise
from merchants.uscc import uscc_is_valid

TERMINALS_MAX = 50
_TERMINAL = re.compile(r"[0-9A-Z]{8}")
_BETWEEN_TERMINALS = re.compile(r"[;,、\s]+")
_DAMAGED = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{2}")
_FORMULA = ("=", "+", "-", "@")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"(?:0[0-9]{2,3}-?)?[0-9]{7,8}(?:-[0-9]{1,6})?|[48]00-?[0-9]{3}-?[0-9]{4}")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::00)?")
_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
_CHINA_LONGITUDE = (Decimal(73), Decimal(136))
_CHINA_LATITUDE = (Decimal(3), Decimal(54))


class CellError(ValueError):
    """The cell cannot be taken; the text says why."""


def clean(text: str, max_length: int) -> str:
    """Return the text of any cell without surrounding and doubled spaces.

    Raises:
        CellError: formula-like, too long, or with control or invisible characters.
    """
    value = unicodedata.normalize("NFC", text).strip(" \t\u3000\u00a0\ufeff")
    if value.startswith(_FORMULA):
        raise CellError(_("内容以 = + - @ 开头，会被当作公式"))
    if not value.isprintable() and any(
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") for char in value
    ):
        raise CellError(_("含有控制字符、换行或不可见字符"))
    if "\ufffd" in value:
        raise CellError(_("含有乱码"))
    value = " ".join(value.split())
    if len(value) > max_length:
        raise CellError(_("超过 %(limit)s 个字符") % {"limit": max_length})
    return value


def code(text: str) -> str:
    """Return a number or code in half-width capitals without spaces.

    Raises:
        CellError: a number in scientific notation, whose digits are lost.
    """
    value = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if _DAMAGED.fullmatch(value):
        raise CellError(_("数值型长数字已丢失精度，请将单元格设为文本格式后重新填写"))
    return value


def uscc(text: str) -> str:
    """Return a unified social credit code; CellError unless the check digit is right."""
    value = code(text)
    if len(value) != 18:
        raise CellError(_("应为 18 位"))
    if not uscc_is_valid(value):
        raise CellError(_("校验位不正确"))
    return value


def merchant_no(text: str) -> str:
    """Return an acquirer merchant number: 15 digits or capitals."""
    value = code(text)
    if not MERCHANT_NO_SHAPE.fullmatch(value):
        raise CellError(_("应为 15 位数字或大写字母"))
    return value


def mcc(text: str) -> tuple[str, str]:
    """Return category code and industry."""
    value = code(text)
    value = value.zfill(4) if value.isdigit() and len(value) == 3 else value
    industry = industry_of(value)
    if industry is None:
        raise CellError(_("商户类别码不存在"))
    return value, industry


def terminal_nos(text: str) -> list[str]:
    """Return terminal numbers of 8 characters, separated by semicolons, each once."""
    whole = unicodedata.normalize("NFKC", text)
    parts = [code(part) for part in _BETWEEN_TERMINALS.split(whole) if part]
    wrong = next((part for part in parts if not _TERMINAL.fullmatch(part)), None)
    if wrong is not None:
        reason = _("终端号 %(number)s 应为 8 位；数值单元格会丢失前面的 0，请设为文本")
        raise CellError(reason % {"number": wrong[:20]})
    if len(set(parts)) != len(parts):
        raise CellError(_("终端号重复"))
    if len(parts) > TERMINALS_MAX:
        raise CellError(_("终端号超过 %(limit)s 个") % {"limit": TERMINALS_MAX})
    return parts


def account(text: str) -> str:
    """Return the digits of a bank account."""
    value = account_normalise(code(text))
    if value is None:
        raise CellError(_("应为 8 至 32 位数字"))
    return value


def phone(text: str) -> tuple[str, bool]:
    """Return a telephone number and whether it is a mobile."""
    value = code(text)
    if _MOBILE.fullmatch(value):
        return value, True
    if not _LANDLINE.fullmatch(value):
        raise CellError(_("不是有效的电话号码"))
    return value, False


def longitude(text: str) -> Decimal:
    """Return a longitude inside China, to six decimals."""
    return _degrees(text, _CHINA_LONGITUDE)


def latitude(text: str) -> Decimal:
    """Return a latitude inside China, to six decimals."""
    return _degrees(text, _CHINA_LATITUDE)


def hour(text: str) -> time:
    """Return a time of day; 24:00 means midnight."""
    found = _TIME.fullmatch(code(text))
    if found is None:
        raise CellError(_("应为 时:分，例如 09:30"))
    hours, minutes = int(found[1]), int(found[2])
    if (hours, minutes) == (24, 0):
        return time(0)
    if hours > 23 or minutes > 59:
        raise CellError(_("应为 时:分，例如 09:30"))
    return time(hours, minutes)


def day(text: str) -> date:
    """Return a date."""
    found = _DATE.fullmatch(code(text))
    try:
        return date(*map(int, found.groups())) if found else _no_date()
    except ValueError:
        return _no_date()


def _no_date() -> date:
    raise CellError(_("应为日期，例如 2026-03-15"))


def _degrees(text: str, bounds: tuple[Decimal, Decimal]) -> Decimal:
    try:
        value = Decimal(code(text))
    except InvalidOperation:
        raise CellError(_("应为十进制度数")) from None
    if not value.is_finite() or not bounds[0] <= value <= bounds[1]:
        raise CellError(_("不在中国范围内"))
    return value.quantize(Decimal("0.000001"))
