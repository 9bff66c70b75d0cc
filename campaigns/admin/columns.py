"""What the campaign's page shows beside its columns: the books per funder, rules, open matters."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from campaigns.closing import close_blockers
from campaigns.definition.document import definition_stored
from campaigns.definition.words import own_lines
from campaigns.models import Campaign, CampaignState
from campaigns.selectors import PUBLIC_STATES
from campaigns.services.readiness import readiness_problems
from core.admin.columns import yuan_grouped
from core.ledger.models import Account, AccountKind
from core.passages import Passage


def books_table(campaign: Campaign) -> SafeString | str:
    """Show every account kind per funder in yuan."""
    names = dict(campaign.fundings.order_by("position").values_list("funder_id", "funder__name"))
    sums: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    accounts = Account.objects.filter(campaign_id=campaign.pk)
    for kind, funder_id, fen in accounts.values_list("kind", "funder_id", "balance_fen"):
        sums[funder_id][kind] += fen
    kinds = [kind for kind in AccountKind if any(row[kind] for row in sums.values())]
    if not kinds:
        return "-"
    head = format_html_join("", "<th>{}</th>", ((kind.label,) for kind in kinds))
    body = format_html_join(
        "",
        "<tr><td>{}</td>{}</tr>",
        (
            (
                name,
                format_html_join(
                    "", "<td>{}</td>", ((yuan_grouped(sums[funder_id][kind]),) for kind in kinds)
                ),
            )
            for funder_id, name in names.items()
        ),
    )
    return format_html(
        '<div class="xfq-table-box"><table class="xfq-table"><thead><tr><th>{}</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        _("出资方（元）"),
        head,
        body,
    )


def rules_lines(campaign: Campaign) -> list[str | Passage]:
    """Return the rules in force in words, before approval those of the draft."""
    document = campaign.version.document if campaign.version else campaign.draft
    return rules_said(document) if document else []


def rules_said(document: Mapping[str, Any]) -> list[str | Passage]:
    """Return the rules of a stored document in words: the campaign's own text, then the batches."""
    definition = definition_stored(document)
    return [*own_lines(definition.spec), *definition.rules_words()]


def public_links(campaign: Campaign) -> SafeString | str:
    """Link to the public pages, once the campaign has some."""
    if campaign.state not in PUBLIC_STATES:
        return _("上线后公开")
    return format_html_join(
        " · ",
        '<a class="xfq-link" href="{}" target="_blank" rel="noopener">{}</a>',
        (
            (reverse(name, args=[campaign.code]), title)
            for name, title in (("rules", _("规则页")), ("rules-cashier", _("收银员须知")))
        ),
    )


def open_matters(campaign: Campaign) -> list[str]:
    """Return what keeps the campaign from its next state."""
    if campaign.state == CampaignState.APPROVED:
        problems = readiness_problems(campaign)
    elif campaign.state in (CampaignState.ENDED, CampaignState.CLEARING, CampaignState.AUDITED):
        problems = close_blockers(campaign.pk)
    else:
        return []
    return [f"{subject}：{reason}" for subject, reason in problems]
