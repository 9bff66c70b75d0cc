"""The two public pages, built from the version in force and nothing else."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from campaigns.definition.document import Definition, definition_stored
from campaigns.definition.words import contact_lines, funder_lines, own_lines, period_lines
from campaigns.models import Campaign, CampaignState, Version
from campaigns.pages.till_codes import till_codes
from campaigns.selectors import PUBLIC_STATES
from core import clock

KEPT_S = 60
"""How long a browser or proxy may keep a page; a new version shows within this time."""

LANGUAGES = {"zh": "zh-hans", "en": "en"}

Page = Callable[[HttpRequest, Campaign, Version, Definition], tuple[str, dict[str, Any]]]


def public_page(page: Page) -> Callable[[HttpRequest, str], HttpResponse]:
    """Make a view of what a page says of a published campaign, in ``?lang=zh`` or ``en``.

    Without the parameter the browser's language decides. A campaign that is not public, or that
    there is not, is 404.
    """

    @require_safe
    @cache_control(public=True, max_age=KEPT_S)
    @wraps(page)
    def view(request: HttpRequest, code: str) -> HttpResponse:
        campaign = (
            Campaign.objects.filter(code=code, state__in=PUBLIC_STATES)
            .select_related("version", "organisation")
            .first()
        )
        if campaign is None or campaign.version is None:
            raise Http404
        language = LANGUAGES.get(request.GET.get("lang", ""), get_language() or "")
        with override(language):
            definition = definition_stored(campaign.version.document)
            template, said = page(request, campaign, campaign.version, definition)
            common = {
                "campaign": campaign,
                "spec": definition.spec,
                "version": campaign.version,
                "in_english": language.startswith("en"),
            }
            response = render(request, template, common | said)
        response["Content-Language"] = language
        return response

    shown: Callable[[HttpRequest, str], HttpResponse] = view
    return shown


@public_page
def rules_page(
    request: HttpRequest, campaign: Campaign, version: Version, definition: Definition
) -> tuple[str, dict[str, Any]]:
    """Say the rules to a citizen."""
    del request, version
    running = campaign.state in (CampaignState.LIVE, CampaignState.PAUSED)
    spec = definition.spec
    return "campaigns/rules.html", {
        "page_name": _("活动规则"),
        "paused": campaign.state == CampaignState.PAUSED,
        "over": not running,
        "period": period_lines(spec),
        "own_lines": own_lines(spec),
        "passages": definition.rules_words(clock.now() if running else None),
        "funders": funder_lines(spec),
        "contact": contact_lines(spec, campaign.organisation.name if campaign.organisation else ""),
    }


@public_page
def cashier_page(
    request: HttpRequest, campaign: Campaign, version: Version, definition: Definition
) -> tuple[str, dict[str, Any]]:
    """Say to a cashier what to check, how to pay and undo, and what every refusal means."""
    del request, campaign, version
    return "campaigns/cashier.html", {
        "page_name": _("收银员须知"),
        "period": period_lines(definition.spec),
        "passages": definition.till_words(),
        "codes": till_codes(),
    }
