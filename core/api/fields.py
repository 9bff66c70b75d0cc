"""Serializer fields that take one JSON type each and say which limit was passed."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Final, cast
from uuid import UUID

import orjson
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from core.clock import TIME_ZONE
from core.errors import DomainError
from core.errors.translate import LIMIT_MARK
from core.ids import NIL, from_public, to_public
from core.money import MAX_FEN

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
MOST_NAMED: Final = 20
"""Unknown members that a refusal names; the rest would only make it long."""
Check = Callable[[Any], Any]
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2099


def limit_error(reason: Any, code: str, limit: object) -> ValidationError:
    """Make a validation error that carries its limit into ``invalid_params``."""
    return ValidationError([ErrorDetail(str(reason), code=f"{code}{LIMIT_MARK}{limit}")])


def quick_check(field: serializers.Field[Any, Any, Any, Any]) -> Check:
    """Return the field's whole check, without what it does only for absent values."""
    plain = type(field).run_validation is serializers.Field.run_validation
    return field.to_internal_value if plain and not field.validators else field.run_validation


class StrictIntegerField(serializers.Field[int, Any, int, Any]):
    """A JSON integer: no float, text or boolean; bounds included."""

    default_error_messages = {"invalid": _("须为整数")}

    def __init__(self, *, min_value: int, max_value: int, **kwargs: Any) -> None:
        """Take the bounds; both count as allowed."""
        self.min_value = min_value
        self.max_value = max_value
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        """Return the integer."""
        if type(data) is not int:
            self.fail("invalid")
        if data < self.min_value:
            raise limit_error(_("不得小于下限"), "min_value", self.min_value)
        if data > self.max_value:
            raise limit_error(_("不得大于上限"), "max_value", self.max_value)
        return data

    def to_representation(self, value: int) -> int:
        """Return the integer."""
        return value


class FenField(StrictIntegerField):
    """An amount in fen, 0 to `core.money.MAX_FEN` unless bounded otherwise."""

    def __init__(self, *, min_value: int = 0, max_value: int = MAX_FEN, **kwargs: Any) -> None:
        """Take the bounds in fen."""
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)


class StrictBooleanField(serializers.BooleanField):
    """A JSON boolean: no text or number."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the boolean."""
        if not isinstance(data, bool):
            raise ValidationError(_("须为 true 或 false"), code="invalid")
        return data


class StrictCharField(serializers.CharField):
    """A JSON string kept as it is; control characters are refused."""

    def __init__(self, *, max_length: int, pattern: str | None = None, **kwargs: Any) -> None:
        """Take the longest length allowed and the whole pattern (ASCII) it must match."""
        self.pattern = pattern
        self._compiled = re.compile(pattern, re.ASCII) if pattern else None
        self._bare = not {"min_length", "validators"} & kwargs.keys()
        super().__init__(max_length=max_length, trim_whitespace=False, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> str | None:
        """Return the string; one in which nothing is wrong needs no validator of its own."""
        if (
            type(data) is str
            and 0 < len(data) <= cast(int, self.max_length)
            and data.isprintable()
            and self._bare
            and (not self._compiled or self._compiled.fullmatch(data))
        ):
            return data
        checked: str | None = super().run_validation(data)
        return checked

    def to_internal_value(self, data: Any) -> str:
        """Return the string."""
        if not isinstance(data, str):
            raise ValidationError(_("须为字符串"), code="invalid")
        if not data.isprintable():
            raise ValidationError(_("含有不允许的字符"), code="invalid")
        if self._compiled and not self._compiled.fullmatch(data):
            raise limit_error(_("格式不正确"), "pattern", self.pattern)
        return data


class ShortListField(serializers.ListField):
    """A list of at most ``max_length`` members, counted before any of them is read."""

    max_length: int

    def run_validation(self, data: Any = serializers.empty) -> list[Any] | None:
        """Return the members; a list in which nothing is wrong needs no bookkeeping."""
        if type(data) is list and 0 < len(data) <= self.max_length and self.min_length is None:
            with suppress(ValidationError):
                return list(map(self._member, data))
        members: list[Any] | None = super().run_validation(data)
        return members

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the members."""
        if isinstance(data, list) and len(data) > self.max_length:
            raise limit_error(_("项数超过上限"), "max_length", self.max_length)
        members: list[Any] = super().to_internal_value(data)
        return members

    @cached_property
    def _member(self) -> Check:
        return quick_check(self.child)


@extend_schema_field(OpenApiTypes.STR)
class PublicIdField(serializers.Field[UUID, Any, str, Any]):
    """An id in its public spelling; what is no id of that prefix is answered as not found."""

    def __init__(self, prefix: str, *, often: bool = False, **kwargs: Any) -> None:
        """Take the prefix, e.g. ``vch``; ``often``: the same few ids come again and again."""
        self.prefix = prefix
        self._length = len(to_public(prefix, NIL))
        self._from_public = lru_cache(maxsize=256)(from_public) if often else from_public
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> UUID:
        """Return the id; DomainError access.not_found names the field."""
        if not isinstance(data, str):
            raise ValidationError(_("须为字符串"), code="invalid")
        # Counted first: what is remembered of a caller's texts must not be as long as he likes.
        value = self._from_public(self.prefix, data) if len(data) == self._length else None
        if value is None:
            raise DomainError("access.not_found", data={"field": self.field_name})
        return value

    def to_representation(self, value: UUID) -> str:
        """Return the public spelling."""
        return to_public(self.prefix, value)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(serializers.Field[datetime, Any, str, Any]):
    """A moment: RFC 3339 with an offset in, with ``+08:00`` out."""

    default_error_messages = {
        "invalid": _("须为带时区的 RFC 3339 时间，如 2026-03-01T10:00:00+08:00")
    }

    def to_internal_value(self, data: Any) -> datetime:
        """Return the aware moment in Asia/Shanghai."""
        if not isinstance(data, str) or not _RFC3339.fullmatch(data):
            self.fail("invalid")
        try:
            moment = datetime.fromisoformat(data)
        except ValueError:
            self.fail("invalid")
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise limit_error(_("年份超出范围"), "year", f"{FIRST_YEAR}-{LAST_YEAR}")
        return moment.astimezone(TIME_ZONE)

    def to_representation(self, value: datetime) -> str:
        """Return the spelling with +08:00."""
        return moment_text(value)


def moment_text(value: datetime) -> str:
    """Spell a moment as the API does: RFC 3339 with ``+08:00``."""
    local = value if value.tzinfo is TIME_ZONE else value.astimezone(TIME_ZONE)
    # As `isoformat` for all times after 1900, in a third of the time: a claim says three.
    return orjson.dumps(local).decode()[1:-1]


def id_from_path(prefix: str, text: str) -> UUID:
    """Read an id of the path; DomainError access.not_found if it is none of that prefix."""
    value = from_public(prefix, text)
    if value is None:
        raise DomainError("access.not_found")
    return value


def refuse_unknown(known: Mapping[str, Any], given: Any) -> None:
    """Refuse members that a serializer does not know."""
    if isinstance(given, Mapping):
        unknown = [str(name) for name in given if name not in known][:MOST_NAMED]
        if unknown:
            raise ValidationError({name: [_("未知字段")] for name in unknown})
