"""The draft page: campaign, funders, documents and the sections of upper rooms as forms.

The page edits the document, nothing else: what a form does not show is kept, and the service
checks the whole as it checks a file. A refusal lists every path.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from campaigns.admin.editor_faults import faults_listed, row_heading
from campaigns.admin.editor_file import edited_by_file, file_page
from campaigns.admin.editor_forms import (
    CampaignForm,
    DocumentForm,
    FunderForm,
    funder_initial,
    funder_plain,
    moment_text,
)
from campaigns.admin.editor_sections import editor_sections
from campaigns.admin.editor_sets import rows_factory
from campaigns.definition.model import FORMAT
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save, draft_hash
from core import clock
from core.admin.actions import error_text, staff_of
from core.canonical import to_plain
from core.errors import DomainError

TEMPLATE = "admin/campaigns/editor.html"
BLANK_NEW, BLANK_MORE = 3, 1


class _Page:
    """The forms of one request over one document."""

    def __init__(self, request: HttpRequest, document: dict[str, Any]) -> None:
        data, files = request.POST or None, request.FILES or None
        self.old = document
        self.form = CampaignForm(request, data, initial=_initial(document), prefix="campaign")
        blank = BLANK_MORE if document else BLANK_NEW
        self.sets: dict[str, Any] = {}
        funders = [funder_initial(one) for one in document.get("funders", ())]
        rows: list[tuple[str, type[forms.Form], list[dict[str, Any]], dict[str, Any]]] = [
            ("funders", FunderForm, funders, {}),
            ("documents", DocumentForm, list(document.get("documents", ())), {}),
        ]
        for section in editor_sections():
            shown = section.initial(document.get(section.name, []))
            rows.append((section.name, section.form, shown, section.form_options(request)))
        for name, form, initial, options in rows:
            factory: Any = rows_factory(form, blank)
            self.sets[name] = factory(
                data, files, initial=initial, prefix=name, form_kwargs=options
            )

    def is_valid(self) -> bool:
        """Check every form, so that all errors show at once."""
        return all([self.form.is_valid(), *(one.is_valid() for one in self.sets.values())])

    def document(self) -> dict[str, Any]:
        """Return the document as edited."""
        content = deepcopy(self.old)
        values = {key: one for key, one in self.form.cleaned_data.items() if key != "opened"}
        content |= {"format": FORMAT, **values}
        content |= {name: to_plain(values[name]) for name in ("starts_at", "ends_at")}
        funders = {one["code"]: one for one in self.old.get("funders", ())}
        content["funders"] = [
            funder_plain(funders.get(row["code"], {}), row) for row in self._rows("funders")
        ]
        content["documents"] = [
            {
                "kind": form.cleaned_data["kind"],
                "number": form.cleaned_data["number"],
                "date": form.cleaned_data["date"].isoformat(),
                "sha256": form.digest(),
            }
            for form in self._forms("documents")
        ]
        for section in editor_sections():
            rows = list(self._rows(section.name))
            content[section.name] = section.plain(self.old.get(section.name, []), rows, content)
        return content

    def groups(self) -> list[dict[str, Any]]:
        """Return what the template shows, in order; each row has its heading."""
        words = {
            "funders": (_("出资方"), _("出资方 %(number)s")),
            "documents": (_("报批材料"), _("材料 %(number)s")),
        }
        words |= {one.name: (one.title, one.row) for one in editor_sections()}
        return [
            {
                "title": title,
                "formset": formset,
                "rows": [
                    (row_heading(row, number, form), form)
                    for number, form in enumerate(formset.forms, 1)
                ],
            }
            for (title, row), formset in ((words[name], one) for name, one in self.sets.items())
        ]

    def _forms(self, name: str) -> Iterable[Any]:
        formset = self.sets[name]
        for form in formset.forms:
            filled = form.has_changed() or form.initial
            if filled and not form.cleaned_data.get("DELETE"):
                yield form

    def _rows(self, name: str) -> Iterable[dict[str, Any]]:
        return (form.cleaned_data for form in self._forms(name))


def editor_page(model_admin: Any, request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    """Show the draft of a campaign, or an empty one, and save it."""
    if campaign and edited_by_file(campaign.draft):
        return file_page(model_admin, request, campaign)
    page = _Page(request, campaign.draft if campaign else {})
    problems: list[dict[str, str]] = []
    if request.method == "POST":
        if page.is_valid():
            saved, problems = _save(page, request, is_new=campaign is None)
            if saved:
                messages.success(request, _("已保存草稿"))
                return HttpResponseRedirect(str(model_admin.change_url(saved)))
        else:
            count, problems = faults_listed(page.form, page.groups())
            page.form.add_error(None, _("草稿未保存，有 %(count)s 处须更正") % {"count": count})
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("编辑草稿") if campaign else _("起草活动"),
        "opts": model_admin.model._meta,
        "form": page.form,
        "groups": page.groups(),
        "problems": problems,
        "back_url": model_admin.change_url(campaign) if campaign else model_admin.list_url(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _save(
    page: _Page, request: HttpRequest, *, is_new: bool
) -> tuple[Campaign | None, list[dict[str, str]]]:
    """Save the page; where the service refuses it, the form says so and the paths are returned."""
    try:
        saved = campaign_draft_save(
            document=page.document(),
            actor=staff_of(request),
            now=clock.now(),
            opened="" if is_new else page.form.cleaned_data["opened"],
        )
    except DomainError as error:
        page.form.add_error(
            None, error.text.title_zh if error.invalid_params else error_text(error)
        )
        return None, [
            {"path": param.name, "reason": str(param.reason)} for param in error.invalid_params
        ]
    return saved, []


def _initial(document: dict[str, Any]) -> dict[str, Any]:
    if not document:
        return {}
    moments = {name: moment_text(document[name]) for name in ("starts_at", "ends_at")}
    return {
        **document,
        "regions": " ".join(document["regions"]),
        **moments,
        "opened": draft_hash(document),
    }
