"""Who may claim, as far as no race can change it. Pure functions."""

from collections.abc import Collection, Iterator

from core.access.region_codes import subtree_contains
from core.errors import Refusal
from vouchers.rules.model import BatchRules


def claim_refusals(
    rules: BatchRules,
    *,
    verified: bool,
    key_kinds: Collection[str],
    region_code: str | None,
    campaign_regions: Collection[str],
) -> Iterator[Refusal]:
    """Yield every failing condition of a claim that its request and person alone decide.

    A batch that asks for the real name needs a verified document; a batch with location at claim
    needs a region inside the campaign's (domain-rules §5: missing location is its own reason).
    """
    if rules.realname and not (verified and "DOCUMENT" in key_kinds):
        yield Refusal("claim.realname_required")
    if rules.location.at_claim:
        if region_code is None:
            yield Refusal("claim.location_required")
        elif not any(subtree_contains(region, region_code) for region in campaign_regions):
            yield Refusal("claim.out_of_region", {"region_code": region_code})
