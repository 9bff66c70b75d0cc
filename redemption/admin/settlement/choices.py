"""What the forms above the settlement lists offer, which is also when their buttons show.

A list shows a city the rows of higher regions that concern its stores; acting on them is the
owner's. A form therefore offers only rows owned in a grant that permits the action, and a button
without anything to offer hides.
"""

from typing import Final

from django.db.models import QuerySet

from campaigns.models import Campaign
from core.access.roles import Principal
from core.access.scope import ScopeFields, scope_queryset
from merchants.models import Acquirer

OWNER: Final = ScopeFields(owner="owner_region")
BUILD: Final = "redemption.add_settlementbatch"
REPORT: Final = ("core.add_job", "redemption.view_statement")
RECORD: Final = "redemption.record_payout"
REPAY: Final = "redemption.add_merchantrepayment"
IMPORT: Final = "redemption.import_reconfile"


def campaigns_of(user: Principal, *actions: str) -> QuerySet[Campaign]:
    """Return the campaigns that ``user`` owns under every one of the actions."""
    rows = Campaign.objects.all()
    for action in actions:
        rows = scope_queryset(rows, user, OWNER, action=action)
    return rows


def buildable(user: Principal) -> QuerySet[Campaign]:
    """Return the campaigns whose batches the member of staff may build."""
    return campaigns_of(user, BUILD)


def reportable(user: Principal) -> QuerySet[Campaign]:
    """Return the campaigns whose statements and reports the member of staff may order."""
    return campaigns_of(user, *REPORT)


def payable(user: Principal) -> QuerySet[Campaign]:
    """Return the campaigns whose payouts the member of staff may record."""
    return campaigns_of(user, RECORD)


def repayable(user: Principal) -> QuerySet[Campaign]:
    """Return the campaigns whose repayments the member of staff may record."""
    return campaigns_of(user, REPAY)


def importable(user: Principal) -> QuerySet[Acquirer]:
    """Return the acquirers whose files the member of staff may import."""
    return scope_queryset(Acquirer.objects.all(), user, OWNER, action=IMPORT)
