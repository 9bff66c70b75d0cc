"""Bases of the rooms' serializers, and the documents every operation can answer."""

from typing import Any

from rest_framework import serializers

from core.api.fields import refuse_unknown


class StrictSerializer(serializers.Serializer[Any]):
    """A JSON object with known members only; use the fields of `core.api.fields`."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked members; unknown ones are named in ``invalid_params``."""
        refuse_unknown(self.fields, data)
        return super().to_internal_value(data)


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
