"""A draft that is too long for the draft page: it says how to edit it instead of failing later."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.admin.editor_sections import editor_sections
from campaigns.admin.editor_sets import MAX_ROWS
from campaigns.models import Campaign

TEMPLATE = "admin/campaigns/editor_file.html"


def edited_by_file(document: dict[str, Any]) -> bool:
    """Tell whether a list of the document has more rows than the draft page takes."""
    names = ("funders", "documents", *(section.name for section in editor_sections()))
    return any(len(document.get(name, ())) > MAX_ROWS for name in names)


def file_page(model_admin: Any, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Say that a draft is edited by file, with links to the way out and in; nothing is saved."""
    may_upload = model_admin.has_upload_permission(request)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("编辑草稿"),
        "opts": model_admin.model._meta,
        "limit": MAX_ROWS,
        "download_url": reverse("admin:campaigns_campaign_download", args=(campaign.pk,)),
        "upload_url": reverse("admin:campaigns_campaign_upload") if may_upload else "",
        "back_url": model_admin.change_url(campaign),
    }
    return TemplateResponse(request, TEMPLATE, context)
