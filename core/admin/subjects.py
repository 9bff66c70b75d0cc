"""Links to rows of other pages, shown to those who may see them."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.admin.columns import page_link


def row_link(
    request: HttpRequest, model: type[Model], text: object, **lookup: Any
) -> SafeString | str:
    """Link ``text`` to the page of the row found by ``lookup``.

    The bare text where the model has no page, the row is not there, or the member of staff may
    not see it: the same answer for both, so a link tells nothing about other regions.
    """
    page = admin.site._registry.get(model)
    if page is None or not page.has_view_permission(request):
        return str(text)
    found = page.get_queryset(request).filter(**lookup).order_by().values_list("pk", flat=True)
    key = found.first()
    if key is None:
        return str(text)
    opts = model._meta
    return page_link(f"{opts.app_label}_{opts.model_name}_change", text, key)
