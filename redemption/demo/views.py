"""Pages of the 演示台: the page itself, and what it asks besides the signed API."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from campaigns.api.serializers import CAMPAIGN_PREFIX
from core import clock
from core.access.credentials import credentials_of
from core.access.models import ClientKey
from core.access.regions import region_names
from core.api.fields import moment_text
from core.ids import to_public
from redemption.demo.books import books_document
from redemption.demo.citizens import citizen_make
from redemption.demo.stage import PHONE, TILL, Bench, bench_find

View = Callable[[HttpRequest], HttpResponse]


def demo_only(view: View) -> View:
    """Answer 404 unless the demonstration is switched on; and never to anything but a GET."""

    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if not settings.XFQ_DEMO:
            raise Http404
        return view(request)

    return require_GET(never_cache(wrapper))


@demo_only
def bench_page(request: HttpRequest) -> HttpResponse:
    """Show phone, till and books side by side."""
    return render(request, "redemption/demo.html", {"ready": bench_find(now=clock.now())})


@demo_only
def bench_config(request: HttpRequest) -> HttpResponse:
    """Hand the page its credentials and its till.

    Both clients exist for the demonstration alone; production never serves this.
    """
    del request
    bench = _bench()
    store = bench.terminal.store
    return JsonResponse(
        {
            "phone": _credentials(PHONE),
            "till": _credentials(TILL),
            "campaign": to_public(CAMPAIGN_PREFIX, bench.campaign.pk),
            "title": bench.campaign.title,
            "store_no": store.store_no,
            "store_name": store.name,
            "region_name": region_names([store.region_code]).get(store.region_code, ""),
            "terminal_no": bench.terminal.terminal_no,
        }
    )


@demo_only
def bench_citizen(request: HttpRequest) -> HttpResponse:
    """Invent a citizen."""
    del request
    return JsonResponse(citizen_make())


@demo_only
def bench_books(request: HttpRequest) -> HttpResponse:
    """Show the books of the bench's campaign, and business time."""
    del request
    document = books_document(_bench().campaign)
    return JsonResponse({"now": moment_text(clock.now()), **document})


def _bench() -> Bench:
    bench = bench_find(now=clock.now())
    if bench is None:
        raise Http404
    return bench


def _credentials(code: str) -> dict[str, Any]:
    key = ClientKey.objects.filter(client__code=code, revoked_at__isnull=True).latest("created_at")
    credentials = credentials_of(key.key_id)
    if credentials is None:
        raise Http404
    return {
        "client_id": code,
        "key_id": credentials.key_id,
        "algorithm": credentials.algorithm,
        "secret": credentials.secret.decode(),
    }
