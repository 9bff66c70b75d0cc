"""Prepare the 演示台: its clients and its campaign, through the services the staff use."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign, CampaignState
from core.access.models import Client, ClientKey, Organisation
from core.access.services import client_create, client_key_issue
from core.clock import wall
from core.errors import DomainError
from merchants.models import Terminal
from redemption.demo.document import CODE_PREFIX, bench_document
from redemption.rehearsal import stage
from redemption.rehearsal.crew import Crew

PHONE = "demo-phone"
TILL = "demo-till"
CITY = "4501"
"""Shops of Nanning come first."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the page plays with: a running campaign and a till."""

    campaign: Campaign
    terminal: Terminal


def bench_find(*, now: datetime) -> Bench | None:
    """Return the bench as it was prepared; None if there is none that still runs at ``now``."""
    campaign = (
        Campaign.objects.filter(
            code__startswith=CODE_PREFIX,
            state__in=(CampaignState.LIVE, CampaignState.PAUSED),
            ends_at__gt=now,
        )
        .order_by("-starts_at", "pk")
        .first()
    )
    till = Client.objects.filter(code=TILL).first()
    terminal = None if till is None else _terminal(till.organisation)
    if campaign is None or terminal is None:
        return None
    return Bench(campaign, terminal)


def bench_prepare(*, crew: Crew, now: datetime) -> Bench:
    """Return the running bench, or make it: clients, campaign drafted, approved, funded, live.

    Raises:
        DomainError: ``access.not_found`` if no tested till of an acquirer exists.
    """
    found = bench_find(now=now)
    if found:
        return found
    terminal = _terminal(None)
    if terminal is None:
        raise DomainError("access.not_found", data={"field": "terminal"})
    _client_ensure(TILL, "演示台收银机", Client.Kind.TERMINAL, terminal.acquirer.organisation)
    # The phone's app belongs to whom the crew's first organisation is: a bureau's own app.
    _client_ensure(PHONE, "演示台手机", Client.Kind.CHANNEL, _bureau(crew))
    campaign = stage.campaign_prepare(bench_document(now=now), crew, now)
    stage.instalment_receive(campaign.pk, part=1, of=1, crew=crew, now=now)
    stage.campaign_start(campaign, crew, now)
    campaign.refresh_from_db()
    return Bench(campaign, terminal)


def _terminal(organisation: Organisation | None) -> Terminal | None:
    """Return a tested till, of that organisation's acquirer if one is named; Nanning first."""
    live = Terminal.objects.filter(
        is_active=True, tested_at__isnull=False, store__is_active=True
    ).select_related("acquirer__organisation", "store")
    if organisation is not None:
        live = live.filter(acquirer__organisation=organisation)
    near = live.filter(store__region_code__startswith=CITY)
    return (near.order_by("terminal_no", "pk").first()) or live.order_by(
        "terminal_no", "pk"
    ).first()


def _bureau(crew: Crew) -> Organisation:
    organisation = crew.user("jingban").organisation
    if organisation is None:
        raise ValueError("the maker of the demonstration belongs to a bureau")
    return organisation


def _client_ensure(code: str, name: str, kind: Client.Kind, organisation: Organisation) -> None:
    if Client.objects.filter(code=code).exists():
        return
    now = wall()
    client = client_create(code=code, name=name, kind=kind, organisation=organisation, now=now)
    client_key_issue(client=client, now=now, algorithm=ClientKey.Algorithm.HMAC_SHA256)
