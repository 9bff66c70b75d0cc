"""Export of a list: the columns on the screen, the rows in scope, one audit event per export."""

import tempfile
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.html import strip_tags
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from core import clock
from core.admin.actions import staff_of
from core.audit.services import audit_record
from core.tabular import Column, csv_chunks, xlsx_write

EXPORT_MAX_ROWS = 50_000
"""Above this a report job is the right way: it has progress and does not hold a web process."""
CHUNK_ROWS = 2_000
NOTHING = "-"
"""What a column shows where there is nothing; an empty cell in a file."""


@action(description=gettext_lazy("导出所选（XLSX）"), permissions=["export"])
def export_xlsx(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponseBase | None:
    """Send the selected rows as a workbook."""
    if not _allowed(modeladmin, request, queryset, "xlsx"):
        return None
    columns, rows = _table(modeladmin, request, queryset)
    target = tempfile.TemporaryFile()  # noqa: SIM115 - FileResponse closes it
    title = str(modeladmin.model._meta.verbose_name)
    xlsx_write(target, sheet=title, columns=columns, rows=rows)
    target.seek(0)
    return FileResponse(target, as_attachment=True, filename=f"{title}.xlsx")


@action(description=gettext_lazy("导出所选（CSV）"), permissions=["export"])
def export_csv(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponseBase | None:
    """Send the selected rows as CSV, streamed."""
    if not _allowed(modeladmin, request, queryset, "csv"):
        return None
    columns, rows = _table(modeladmin, request, queryset)
    response = StreamingHttpResponse(csv_chunks(columns, rows), content_type="text/csv")
    name = f"{modeladmin.model._meta.verbose_name}.csv"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def _allowed(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Any], form: str) -> bool:
    """Check the size and record the export; the queryset is scoped by the list already."""
    count = queryset.order_by()[: EXPORT_MAX_ROWS + 1].count()
    if count > EXPORT_MAX_ROWS:
        messages.error(
            request,
            _("一次最多导出 %(limit)s 行，请缩小范围或使用报表任务。") % {"limit": EXPORT_MAX_ROWS},
        )
        return False
    actor = staff_of(request)
    audit_record(
        action="admin.export",
        subject_type=modeladmin.model._meta.label_lower,
        subject_id=form,
        now=clock.now(),
        actor=actor,
        owner_region=actor.organisation.region_id if actor.organisation else "",
        data={"rows": count, "filters": request.META.get("QUERY_STRING", "")[:500]},
    )
    return True


def _table(
    modeladmin: Any, request: HttpRequest, queryset: QuerySet[Any]
) -> tuple[list[Column], Iterator[list[Any]]]:
    names = [name for name in modeladmin.get_list_display(request) if name != "action_checkbox"]
    columns = [
        Column(
            title=str(label_for_field(name, modeladmin.model, modeladmin)),
            is_fen=_fen_field(name, modeladmin) is not None,
        )
        for name in names
    ]
    related = modeladmin.get_list_select_related(request)
    if isinstance(related, list | tuple) and related:
        queryset = queryset.select_related(*related)
    rows = (
        [_value(_fen_field(name, modeladmin) or name, obj, modeladmin) for name in names]
        for obj in queryset.iterator(chunk_size=CHUNK_ROWS)
    )
    return columns, rows


def _fen_field(name: Any, modeladmin: Any) -> str | None:
    """Return the column of fen that a column of the list shows, in yuan or as it is."""
    shown = getattr(modeladmin, name, None) if isinstance(name, str) else name
    field: str | None = getattr(shown, "fen_field", None)
    return name if field is None and isinstance(name, str) and name.endswith("_fen") else field


def _value(name: Any, obj: Any, modeladmin: Any) -> Any:
    try:
        field, _attribute, value = lookup_field(name, obj, modeladmin)
    except ObjectDoesNotExist:
        return ""
    if isinstance(value, tuple):
        # A column with a coloured label: (state, what it is called).
        value = str(value[-1])
    if field is not None and getattr(field, "flatchoices", None):
        return dict(field.flatchoices).get(value, value)
    if not isinstance(value, str):
        return value
    text = strip_tags(value)
    return "" if text == NOTHING else text
