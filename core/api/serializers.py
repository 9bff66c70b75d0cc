"""Bases of the rooms' serializers, and the documents every operation can answer."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core.api.fields import Check, quick_check, refuse_unknown
from core.errors import DomainError


class StrictSerializer(serializers.Serializer[Any]):
    """A JSON object with known members only; use the fields of `core.api.fields`."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked members; unknown ones are named in ``invalid_params``."""
        refuse_unknown(self.fields, data)
        return super().to_internal_value(data)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the checked members.

        A body in which nothing is wrong is checked without REST framework's bookkeeping, which is
        most of the work; its own course names everything that is wrong.
        """
        if isinstance(data, dict) and data.keys() <= self._members.keys():
            # An unknown id too: which of two is named must not hang on the order they came in.
            with suppress(ValidationError, DjangoValidationError, DomainError):
                return self.validate(self._sound(data))
        return super().run_validation(data)

    @cached_property
    def _members(self) -> "dict[str, _Member]":
        if self.validators:
            raise TypeError(f"{type(self).__name__}: say it in validate() or in the fields")
        return {
            name: _Member(field, _quick(field), getattr(self, f"validate_{name}", None))
            for name, field in self.fields.items()
        }

    @cached_property
    def _absent(self) -> "list[tuple[str, serializers.Field[Any, Any, Any, Any]]]":
        """The members that mean something when they are not there."""
        return [
            (name, field)
            for name, field in self.fields.items()
            if field.required or field.default is not serializers.empty
        ]

    def _sound(self, data: Mapping[str, Any]) -> dict[str, Any]:
        checked: dict[str, Any] = {}
        members = self._members
        for name, given in data.items():
            field, quick, check = members[name]
            value = field.run_validation(given) if given is None else quick(given)
            checked[name] = check(value) if check else value
        for name, field in self._absent:
            if name not in data:
                if field.required:
                    field.fail("required")
                checked[name] = field.get_default()
        return checked


class _Member(NamedTuple):
    field: serializers.Field[Any, Any, Any, Any]
    quick: Check
    """Checks a value that is there."""
    check: Check | None
    """The serializer's own check of that member."""


def _quick(field: serializers.Field[Any, Any, Any, Any]) -> Check:
    """Return the check of a value that is there."""
    if field.read_only or field.source != field.field_name:
        raise TypeError(f"{field.field_name}: a body has no such field")
    return quick_check(field)


class QuerySerializer(serializers.Serializer[Any]):
    """Query parameters: texts, so REST framework's own fields read them; unknown ones refused."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked parameters."""
        refuse_unknown({**self.fields, "cursor": None, "limit": None}, data)
        return super().to_internal_value(data)


class InvalidParamSerializer(serializers.Serializer[Any]):
    """One wrong parameter."""

    name = serializers.CharField()
    reason = serializers.CharField()
    limit = serializers.JSONField(required=False)


class ProblemSerializer(serializers.Serializer[Any]):
    """The body of every error (application/problem+json)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    request_id = serializers.CharField()
    invalid_params = InvalidParamSerializer(many=True, required=False)
    remedy = serializers.CharField(required=False)
    data = serializers.DictField(required=False)  # type: ignore[assignment]


class RefusalSerializer(serializers.Serializer[Any]):
    """One failing condition of a command (an entry of ``data.refusals``)."""

    code = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    remedy = serializers.CharField(required=False)
    data = serializers.DictField(required=False)  # type: ignore[assignment]
