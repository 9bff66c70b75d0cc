"""Bases of the rooms' serializers, and the documents every operation can answer."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core.api.fields import refuse_unknown

Check = Callable[[Any], Any]


class StrictSerializer(serializers.Serializer[Any]):
    """A JSON object with known members only; use the fields of `core.api.fields`."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked members; unknown ones are named in ``invalid_params``."""
        refuse_unknown(self.fields, data)
        if isinstance(data, Mapping):
            with suppress(ValidationError):
                return self._sound(data)
        # Something is wrong: REST framework's own course names all of it.
        return super().to_internal_value(data)

    @cached_property
    def _members(self) -> list[tuple[str, serializers.Field[Any, Any, Any, Any], Check | None]]:
        return [
            (name, field, getattr(self, f"validate_{name}", None))
            for name, field in self.fields.items()
        ]

    def _sound(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Check a body in which nothing is wrong: most are, and half the work is bookkeeping."""
        checked: dict[str, Any] = {}
        for name, field, check in self._members:
            if name in data:
                value = field.run_validation(data[name])
                checked[name] = check(value) if check else value
            elif field.required:
                field.fail("required")
            elif field.default is not serializers.empty:
                checked[name] = field.get_default()
        return checked


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
