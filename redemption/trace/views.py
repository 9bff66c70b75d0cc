"""一笔穿透 in the admin: find a redemption, follow it through."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from core.access.models import User
from core.ids import from_public, to_public
from redemption.answers import REDEMPTION
from redemption.trace.selectors import VIEW, trace_find, trace_redemption, trace_stages
from redemption.trace.stage import Fact, Stage

TEMPLATE = "redemption/trace.html"


def trace_search(request: HttpRequest) -> HttpResponse:
    """Ask for a number; show the redemption it belongs to."""
    user = _staff(request)
    text = request.GET.get("q", "")
    found = trace_find(user, text) if text else None
    if found is not None:
        return HttpResponseRedirect(_url(found))
    return render(request, TEMPLATE, _context(request, q=text, missing=bool(text)))


def trace_page(request: HttpRequest, number: str) -> HttpResponse:
    """Follow one redemption; out of scope is 404, as everywhere."""
    user = _staff(request)
    redemption_id = from_public(REDEMPTION, number)
    redemption = None if redemption_id is None else trace_redemption(user, redemption_id)
    if redemption is None:
        raise Http404
    stages = [_linked(user, stage) for stage in trace_stages(user, redemption)]
    return render(
        request, TEMPLATE, _context(request, q="", number=number, stages=stages, found=redemption)
    )


def _staff(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not request.user.has_perm(VIEW):
        raise PermissionDenied
    return request.user


def _url(redemption_id: UUID) -> str:
    return reverse("trace", args=[to_public(REDEMPTION, redemption_id)])


def _context(request: HttpRequest, **more: Any) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": _("一笔穿透"), **more}


def _linked(user: User, stage: Stage) -> dict[str, Any]:
    """Add to each fact the address of its page, where this member of staff may open it."""
    return {"stage": stage, "facts": [(fact, _link(user, fact)) for fact in stage.facts]}


def _link(user: User, fact: Fact) -> str:
    if not fact.page or fact.key is None:
        return ""
    app, model, _page = fact.page.split("_")
    if not user.has_perm(f"{app}.view_{model}"):
        return ""
    try:
        return reverse(f"admin:{fact.page}", args=[fact.key])
    except NoReverseMatch:
        return ""
