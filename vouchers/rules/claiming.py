"""Who may claim, as far as no race can change it. Pure functions."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from core.errors import Refusal
from vouchers.rules.model import BatchRules
from vouchers.rules.refusals import not_in_audience


def claim_refusals(
    rules: BatchRules,
    *,
    verified: bool,
    in_audience: bool,
    key_kinds: Collection[str],
    region_code: str | None,
    campaign_regions: Sequence[str],
) -> Iterator[Refusal]:
    """Yield every failing condition of a claim that its request and person alone decide.

    A batch that asks for the real name needs a verified document; a batch with an audience needs a
    member of it (``in_audience``); a batch with location at claim needs a region inside its own
    or the campaign's (domain-rules §5: missing location is its own reason).
    """
    kinds = set(key_kinds)
    claims = (rule for rule in rules.limits if rule.side == "CLAIM")
    # Whoever carries none of the keys that a limit counts on would have no limit at all.
    uncounted = any(kinds.isdisjoint(rule.keys) for rule in claims)
    if uncounted or (rules.realname and not (verified and "DOCUMENT" in kinds)):
        yield Refusal("claim.realname_required")
    if rules.audience and not in_audience:
        yield not_in_audience(rules.audience)
    if rules.location.at_claim:
        if region_code is None:
            yield Refusal("claim.location_required")
        elif outside := rules.location.refuses(region_code, campaign_regions):
            yield Refusal("claim.out_of_region", {"region_code": region_code, **outside})


def never_usable(
    validities: Iterable[tuple[datetime, datetime]], at: datetime, campaign_ends_at: datetime
) -> Iterator[Refusal]:
    """Yield a refusal of a claim of which a voucher's validity would be over before it begins.

    A fixed window that has passed, or a first day of use after the last one. From the campaign's
    end on the database says the same.
    """
    over = any(valid_until <= valid_from for valid_from, valid_until in validities)
    if over and at < campaign_ends_at:
        yield Refusal("claim.ended")
