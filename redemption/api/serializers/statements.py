"""Statements of an API client."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from campaigns.api.serializers import CAMPAIGN_PREFIX
from core.api.fields import MomentField
from core.api.serializers import QuerySerializer
from core.ids import to_public
from redemption.settlement.models import Statement

STATEMENT = "stm"


class StatementQuery(QuerySerializer):
    """The business date whose statements are wanted."""

    date = serializers.DateField(help_text=_("账务日期，如 2026-03-06"))


class StatementSerializer(serializers.Serializer[Any]):
    """A statement file: its control totals, its hash, where it is fetched."""

    statement_id = serializers.CharField()
    kind = serializers.ChoiceField(choices=Statement.Kind.choices)
    form = serializers.ChoiceField(choices=Statement.Form.choices)
    campaign_id = serializers.CharField()
    business_date = serializers.DateField()
    edition = serializers.IntegerField()
    rows = serializers.IntegerField()
    totals = serializers.DictField(child=serializers.IntegerField())
    name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    file = serializers.CharField()
    created_at = MomentField()


class StatementPageSerializer(serializers.Serializer[Any]):
    """The statements of one date."""

    items = StatementSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def statement_document(statement: Statement) -> dict[str, Any]:
    """Write a statement for the API; totals are fen, or counts."""
    public = to_public(STATEMENT, statement.pk)
    return {
        "statement_id": public,
        "kind": statement.kind,
        "form": statement.form,
        "campaign_id": to_public(CAMPAIGN_PREFIX, statement.campaign_id),
        "business_date": statement.business_date,
        "edition": statement.edition,
        "rows": statement.row_count,
        "totals": statement.totals,
        "name": statement.file.name,
        "size": statement.file.size,
        "sha256": statement.file.sha256,
        "file": reverse("statement-file", args=(public,)),
        "created_at": statement.created_at,
    }
