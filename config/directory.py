"""Which rows of the rooms the kernel's tables point at by plain id (core.directory)."""

from campaigns.models import Campaign, Funder
from core.access.scope import ScopeFields
from core.directory import BATCH, CAMPAIGN, FUNDER, PAYEE, Listing, directory_register
from merchants.models import Payee
from vouchers.models import Batch

LISTINGS = (
    Listing(CAMPAIGN, Campaign, "title"),
    Listing(FUNDER, Funder, "name", ScopeFields(owner="organisation__region__code")),
    Listing(BATCH, Batch, "name"),
    Listing(PAYEE, Payee, "account_name"),
)


def directory_fill() -> None:
    """Register the listings; repeating it changes nothing."""
    for listing in LISTINGS:
        directory_register(listing)
