"""Statements of the acquirer a client belongs to: list of a date, one file."""

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import id_from_path
from core.api.paging import PAGE_PARAMETERS
from core.api.views import ApiView
from core.errors import DomainError
from core.jobs.errors import JobFileChangedError
from redemption.api.serializers.statements import (
    STATEMENT,
    StatementPageSerializer,
    StatementQuery,
    statement_document,
)
from redemption.settlement.statements import statement_download, statements_of_client

ORDER = ("kind", "-edition", "pk")


class StatementListView(ApiView):
    """Statements of one business date."""

    operations = {"GET": "statements.read"}

    @extend_schema(
        operation_id="statements_list",
        summary="结算单列表",
        parameters=[StatementQuery, *PAGE_PARAMETERS],
        responses=StatementPageSerializer,
        tags=["statements"],
    )
    def get(self, request: Request) -> Response:
        """List the files of a date; the highest edition of a kind stands."""
        del request
        query = self.query(StatementQuery)
        rows = statements_of_client(organisation_id=self.client.organisation_id, day=query["date"])
        page = self.page(rows, order=ORDER)
        items = [statement_document(statement) for statement in page.rows]
        document = StatementPageSerializer({"items": items, "next_cursor": page.next_cursor})
        return self.answer(document.data)


class StatementFileView(ApiView):
    """The file of one statement."""

    operations = {"GET": "statements.read"}

    @extend_schema(
        operation_id="statements_file",
        summary="下载结算单文件",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        tags=["statements"],
    )
    def get(self, request: Request, statement_id: str) -> Any:
        """Send the file; its SHA-256 is in the list."""
        del request
        statement = (
            statements_of_client(organisation_id=self.client.organisation_id)
            .filter(pk=id_from_path(STATEMENT, statement_id))
            .first()
        )
        if statement is None:
            raise DomainError("access.not_found")
        try:
            path = statement_download(
                statement=statement, now=self.now, client_code=self.client.code
            )
        except JobFileChangedError as error:
            raise DomainError("access.not_found") from error
        return FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename=statement.file.name,
            content_type="application/octet-stream",
        )
