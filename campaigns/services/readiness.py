"""What must be there before a campaign goes live."""

from collections.abc import Iterator
from itertools import chain

from django.utils.translation import gettext as _

from campaigns.definition.document import definition_stored
from campaigns.models import Campaign, Version, Whitelist
from core.canonical import canonical_hash
from merchants.models import Store, Terminal
from merchants.selectors import stores_open

LISTED = 20


def readiness_problems(campaign: Campaign) -> list[tuple[str, str]]:
    """Return (subject, reason) of everything that is missing; empty if the campaign may go live.

    A definition that the platform carries out as a whole, a list in force, every store on it open
    with a live terminal, and every terminal of it tested (验券测试, domain-rules §9).
    """
    if campaign.version is not None:
        missing = definition_stored(campaign.version.document).not_ready()
        if missing:
            return [(problem.path, problem.reason) for problem in missing]
    whitelist = Whitelist.objects.filter(campaign=campaign, state=Whitelist.State.IN_FORCE).first()
    if whitelist is None:
        return [("whitelist", _("没有生效的参与商户名单"))]
    return list(chain(_stores(whitelist), _terminals(whitelist)))


def version_is_as_approved(version: Version) -> bool:
    """Tell whether a version's document is still exactly what its approval bound."""
    approval = version.approval
    content = {"content": version.document, "payload": approval.payload}
    return version.config_hash == approval.config_hash == canonical_hash(content)


def _stores(whitelist: Whitelist) -> Iterator[tuple[str, str]]:
    listed = Store.objects.filter(pk__in=whitelist.entries.order_by().values("store_id"))
    if not listed.exists():
        yield "whitelist", _("名单中没有门店")
    not_open = listed.exclude(pk__in=stores_open().order_by().values("pk")).order_by("store_no")
    for store_no in not_open.values_list("store_no", flat=True)[:LISTED]:
        yield store_no, _("门店未营业、商户未参与，或没有已测试的终端")


def _terminals(whitelist: Whitelist) -> Iterator[tuple[str, str]]:
    untested = Terminal.objects.filter(
        store__in=whitelist.entries.order_by().values("store_id"),
        is_active=True,
        tested_at__isnull=True,
    ).order_by("terminal_no", "pk")
    for terminal_no in untested.values_list("terminal_no", flat=True)[:LISTED]:
        yield terminal_no, _("终端尚未完成验券测试")
