"""Statements and reports: made by jobs, downloaded here; every download is recorded."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display

from core import clock
from core.admin.actions import staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import list_button
from core.admin.columns import yuan_grouped
from core.admin.details import Line, lines_shown
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.errors import DomainError
from core.jobs.errors import JobFileChangedError
from redemption.admin.settlement.choices import reportable
from redemption.admin.settlement.pages import campaign_report_page, statements_page
from redemption.settlement.models import Statement
from redemption.settlement.statements import statement_download, statements_visible

COUNTS = ("笔数", "张数")
"""What the titles of columns end in that count pieces; all others that are summed hold fen."""


@admin.register(Statement)
class StatementAdmin(ScopedModelAdmin):
    """结算单与报表: acquirers and funders see their own alone."""

    list_display = (
        "kind",
        "form",
        "campaign",
        "acquirer",
        "funder",
        "business_date",
        "edition",
        "row_count",
        "created_at",
    )
    list_filter = (
        RegionFilter,
        ("kind", ChoicesDropdownFilter),
        ("form", ChoicesDropdownFilter),
        ("campaign", ScopedRelatedFilter),
        ("acquirer", ScopedRelatedFilter),
        ("business_date", RangeDateFilter),
    )
    list_select_related = ("campaign", "acquirer", "funder")
    search_fields = ("file__name", "file__sha256__exact")
    fields = (
        "kind",
        "form",
        "campaign",
        "acquirer",
        "funder",
        "business_date",
        "edition",
        "row_count",
        "totals_of",
        "created_at",
    )
    readonly_fields = ("totals_of",)
    actions_list = ("make", "report")
    has_report_permission = list_button(reportable)
    actions_row = ("download",)
    actions_detail = ("download",)

    @display(description=_("控制合计"))
    def totals_of(self, obj: Statement) -> SafeString | str:
        """Show the sums of the file's columns: pieces as they are, amounts in yuan."""
        return lines_shown([Line(title, _sum(title, n)) for title, n in obj.totals.items()])

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what the member of staff may see."""
        return statements_visible(queryset, staff_of(request))

    @action(
        description=_("下载"),
        icon="download",
        url_path="download",
        permissions=["redemption.view_statement"],
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Send the file."""
        statement = self.get_object(request, object_id)
        if statement is None:
            raise Http404
        try:
            path = statement_download(statement=statement, now=clock.now(), user=staff_of(request))
        except (DomainError, JobFileChangedError) as error:
            raise Http404 from error
        return FileResponse(path.open("rb"), as_attachment=True, filename=statement.file.name)

    @action(
        description=_("生成结算单"),
        icon="receipt_long",
        url_path="make",
        permissions=["report"],
    )
    def make(self, request: HttpRequest) -> HttpResponse:
        """Queue the statements of a day."""
        return statements_page(self, request)

    @action(
        description=_("生成活动战报"),
        icon="summarize",
        url_path="report",
        permissions=["report"],
    )
    def report(self, request: HttpRequest) -> HttpResponse:
        """Queue a campaign report."""
        return campaign_report_page(self, request)


def _sum(title: str, value: int) -> str:
    if title.endswith(COUNTS):
        return f"{value:,}"
    return gettext("%(yuan)s 元") % {"yuan": yuan_grouped(value)}
