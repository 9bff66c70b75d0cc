"""Render a domain error as a problem document (RFC 9457); knows no web framework."""

import os
import re
import string
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from types import NoneType
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import orjson

from core.errors.base import DomainError, Refusal, RefusedError, Worded
from core.errors.catalogue import CATALOGUE, CodeText
from core.money import yuan_text

CONTENT_TYPE = "application/problem+json"
CHINESE = "zh-CN"
ENGLISH = "en"
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_FORMATTER = string.Formatter()
_PLAIN: Final = frozenset({str, int, datetime, NoneType})
_MARK: Final = os.urandom(16).hex()
"""Stands for the request id; nobody can have written it into a value."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def problem_language(accept_language: str) -> str:
    """Choose ``zh-CN`` (default) or ``en`` from an Accept-Language header."""
    best, best_quality = CHINESE, 0.0
    for part in accept_language.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        name = tag.strip().lower()
        language = ENGLISH if name.startswith("en") else CHINESE if name.startswith("zh") else ""
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if language and quality > best_quality:
            best, best_quality = language, quality
    return best


def request_id_of(given: str) -> str:
    """Return the id a caller or proxy gave a request, if it is one, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def problem_document(error: DomainError, *, language: str, request_id: str) -> dict[str, Any]:
    """Return the body: type, title, status, code, detail, request_id and what else applies.

    A refusal with several conditions lists every one of them under ``data.refusals``, the first
    being the one named by ``code``.
    """
    document: dict[str, Any] = {
        "type": f"urn:xfq:problem:{error.code}",
        **_words(error.text, error.data, language),
        "status": error.status,
        "code": error.code,
        "request_id": request_id,
    }
    if error.invalid_params:
        document["invalid_params"] = [
            {"name": param.name, "reason": str(param.reason)}
            | ({} if param.limit is None else {"limit": param.limit})
            for param in error.invalid_params
        ]
    data = plain(error.data)
    if isinstance(error, RefusedError):
        data["refusals"] = [
            refusal_document(refusal.code, refusal.data, language=language)
            for refusal in error.refusals
        ]
    if data:
        document["data"] = data
    return document


def problem_body(error: DomainError, *, language: str, request_id: str) -> bytes:
    """Return `problem_document` as JSON."""
    before, after = problem_parts(error, language=language)
    return before + request_id.encode() + after


def problem_parts(error: DomainError, *, language: str) -> tuple[bytes, bytes]:
    """Return what `problem_body` has before and after the request id.

    A refusal that says the same as one before is not spelt again: a wave that is sold out is told
    to a hundred thousand.
    """
    if type(error) is RefusedError and all(_is_plain(one.data) for one in error.refusals):
        said = tuple((one.code, tuple(one.data.items())) for one in error.refusals)
        return _refused_kept(said, language)
    return _parts(error, language)


def _is_plain(data: Mapping[str, Any]) -> bool:
    """Tell whether values that are equal say the same: True is 1, and a `Said` its code."""
    return all(type(value) in _PLAIN for value in data.values())


@lru_cache(maxsize=1_024)
def _refused_kept(
    refusals: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...], language: str
) -> tuple[bytes, bytes]:
    return _parts(RefusedError([Refusal(code, dict(data)) for code, data in refusals]), language)


def _parts(error: DomainError, language: str) -> tuple[bytes, bytes]:
    document = problem_document(error, language=language, request_id=_MARK)
    before, _, after = orjson.dumps(document).partition(_MARK.encode())
    return before, after


def refusal_document(code: str, data: Mapping[str, Any], *, language: str) -> dict[str, Any]:
    """Return one failing condition: code, title, detail, remedy and data where there are any."""
    document: dict[str, Any] = {"code": code, **_words(CATALOGUE[code], data, language)}
    if data:
        document["data"] = plain(data)
    return document


def problem_headers(error: DomainError) -> dict[str, str]:
    """Return the headers that belong to the error besides Content-Type."""
    return status_headers(error.status, error.retry_after_s)


def status_headers(status: int, retry_after_s: int | None) -> dict[str, str]:
    """Return the headers that belong to errors of a status besides Content-Type."""
    headers = {"Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = "XFQ1"
    return headers


def plain(value: Any) -> Any:
    """Turn the values of an error into what JSON knows; times become RFC 3339 with +08:00."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, date):
        local = value.astimezone(_SHANGHAI) if isinstance(value, datetime) else value
        return local.isoformat()
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def _words(text: CodeText, data: Mapping[str, Any], language: str) -> dict[str, str]:
    """Return title and detail, and the remedy where there is one, in one language."""
    if _is_plain(data):
        return dict(_words_kept(text, tuple(data.items()), language))
    return _worded(text, data, language)


@lru_cache(maxsize=1_024)
def _words_kept(text: CodeText, data: tuple[tuple[str, Any], ...], language: str) -> dict[str, str]:
    """Say the same thing once: a wave that is sold out is told to a hundred thousand."""
    return _worded(text, dict(data), language)


def _worded(text: CodeText, data: Mapping[str, Any], language: str) -> dict[str, str]:
    english = language == ENGLISH
    title = text.title_en if english else text.title_zh
    detail = _filled(text.detail_en if english else text.detail_zh, data, english=english)
    remedy = _filled(text.remedy_en if english else text.remedy_zh, data, english=english)
    words = {"title": title, "detail": detail or title}
    if remedy:
        words["remedy"] = remedy
    return words


def _filled(template: str, data: Mapping[str, Any], *, english: bool) -> str:
    """Fill a template; empty if one of its values is not there.

    Of several lines the first one that can be filled is taken.
    """
    lines = (_filled_line(line, data, english=english) for line in template.split("\n"))
    return next(filter(None, lines), "")


def _filled_line(template: str, data: Mapping[str, Any], *, english: bool) -> str:
    values: dict[str, str] = {}
    for _, name, _, _ in _FORMATTER.parse(template):
        if name is None:
            continue
        value = _value(name, data)
        if value is None:
            return ""
        values[name] = _spelt(value, english=english)
    return _FORMATTER.vformat(template, (), values)


def _value(name: str, data: Mapping[str, Any]) -> Any:
    if name in data:
        return data[name]
    amount = data.get(f"{name.removesuffix('_yuan')}_fen") if name.endswith("_yuan") else None
    return None if amount is None else yuan_text(int(amount))


def _spelt(value: Any, *, english: bool) -> str:
    if isinstance(value, Worded):
        return value.words(english=english)
    if isinstance(value, datetime):
        local = value.astimezone(_SHANGHAI)
        if english:
            return local.strftime("%Y-%m-%d %H:%M:%S")
        return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M:%S}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return (", " if english else "、").join(_spelt(item, english=english) for item in value)
    return str(value)
