"""Cursor pages: stable under inserts, constant cost, no count."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import orjson
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from core.errors import InvalidParam, InvalidParametersError

M = TypeVar("M", bound=Model)
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
PAGE_PARAMETERS: Final = (
    OpenApiParameter("cursor", str, description="上一页返回的 next_cursor。"),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        description="每页条数。",
    ),
)
"""The query parameters of every list, for the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows of a page and the cursor of the next one, None on the last."""

    rows: list[M]
    next_cursor: str | None


def page_of(
    queryset: QuerySet[M],
    *,
    order: Sequence[str],
    cursor: str = "",
    limit: str | int = DEFAULT_LIMIT,
) -> Page[M]:
    """Return the page of ``queryset`` after ``cursor``.

    ``order`` are names of fields or annotations, ``-`` for descending, none of them nullable, the
    last one unique (``("-issued_at", "pk")``). ``cursor`` and ``limit`` are the query parameters as
    they came.

    Raises:
        InvalidParametersError: a cursor of another list, or a limit outside 1..200.
    """
    size = _limit(limit)
    names = [name.lstrip("-") for name in order]
    rows = queryset.order_by(*order)
    if cursor:
        rows = rows.filter(_after(queryset, order, _cursor_read(cursor, len(names))))
    found = list(rows[: size + 1])
    if len(found) <= size:
        return Page(found, None)
    last = found[size - 1]
    return Page(found[:size], _cursor_write([getattr(last, name) for name in names]))


def _limit(limit: str | int) -> int:
    text = str(limit)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidParametersError(
            invalid_params=[InvalidParam("limit", _("须为 1 到上限之间的整数"), MAX_LIMIT)]
        )
    return int(text)


def _after(queryset: QuerySet[M], order: Sequence[str], values: Sequence[Any]) -> Q:
    """Build the keyset condition: equal on the first n fields and beyond on the next."""
    total, equal = Q(pk__in=[]), Q()
    for name, value in zip(order, values, strict=True):
        field = name.lstrip("-")
        typed = _typed(queryset, field, value)
        comparison = "lt" if name.startswith("-") else "gt"
        total |= equal & Q(**{f"{field}__{comparison}": typed})
        equal &= Q(**{field: typed})
    return total


def _typed(queryset: QuerySet[M], name: str, value: Any) -> Any:
    options, annotations = queryset.model._meta, queryset.query.annotations
    try:
        field: Any
        if name in annotations:
            field = annotations[name].output_field
        else:
            field = options.pk if name == "pk" else options.get_field(name)
        if field is None or value is None:
            raise _wrong_cursor()
        typed = field.to_python(value)
    except (FieldDoesNotExist, ValidationError, ValueError, TypeError, OverflowError) as error:
        raise _wrong_cursor() from error
    return typed


def _cursor_write(values: Sequence[Any]) -> str:
    plain = [
        value.isoformat()
        if isinstance(value, datetime)
        else str(value)
        if isinstance(value, UUID | Decimal)
        else value
        for value in values
    ]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def _cursor_read(text: str, count: int) -> list[Any]:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = orjson.loads(raw)
    except (binascii.Error, ValueError) as error:
        raise _wrong_cursor() from error
    usable = isinstance(values, list) and len(values) == count
    if not usable or any(isinstance(value, dict | list | bool) for value in values):
        raise _wrong_cursor()
    if any(isinstance(value, str) and "\0" in value for value in values):
        raise _wrong_cursor()
    return list(values)


def _wrong_cursor() -> InvalidParametersError:
    return InvalidParametersError(invalid_params=[InvalidParam("cursor", _("游标无效"))])
