"""Which rows of the rooms the kernel's tables point at by plain id.

See core.directory (ledger, cases) and core.subjects (approvals).
"""

from django.db.models import CharField, F, Value
from django.db.models.functions import Coalesce, Concat, NullIf

from campaigns.models import Campaign, Funder, Whitelist
from core.access.scope import ScopeFields
from core.directory import BATCH, CAMPAIGN, FUNDER, PAYEE, Listing, directory_register
from core.models import Case
from core.subjects import Subject, subject_register
from merchants.models import Payee
from redemption.settlement.models import ReconDay, SettlementBatch
from vouchers.models import AudienceSnapshot, Batch, ControlEntry, Grant


def _joined(first: str, between: str, last: str) -> Concat:
    return Concat(F(first), Value(between), F(last), output_field=CharField())


LISTINGS = (
    Listing(CAMPAIGN, Campaign, "title"),
    Listing(FUNDER, Funder, "name", ScopeFields(owner="organisation__region__code")),
    Listing(BATCH, Batch, "name"),
    Listing(PAYEE, Payee, "account_name"),
)
SUBJECTS = (
    Subject("campaigns.campaign", Campaign, F("title")),
    Subject("campaigns.fundsmovement", Campaign, F("title"), key="campaign"),
    Subject("campaigns.adjustment", Campaign, F("title"), key="campaign"),
    Subject("campaigns.whitelist", Whitelist, _joined("campaign__title", " v", "number")),
    Subject("vouchers.batch", Batch, _joined("name", " ", "code")),
    Subject("vouchers.grant", Grant, F("name")),
    Subject(
        "vouchers.audiencesnapshot", AudienceSnapshot, _joined("audience__name", " v", "number")
    ),
    Subject("vouchers.controlentry", ControlEntry, F("key__masked")),
    Subject("settlement_batch", SettlementBatch, F("code")),
    Subject("recon_day", ReconDay, _joined("acquirer__name", " ", "business_date")),
    Subject("case", Case, Coalesce(NullIf("subject_label", Value("")), "subject_id")),
)


def directory_fill() -> None:
    """Register the listings; repeating it changes nothing."""
    for listing in LISTINGS:
        directory_register(listing)
    for subject in SUBJECTS:
        subject_register(subject)
