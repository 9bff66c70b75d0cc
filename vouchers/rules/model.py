"""The frozen rules of a batch as typed values; the JSON of `BatchVersion.rules`.

Unknown fields are refused, so a rule nobody reads can never be approved. Other batch types add
members to `Benefit` (domain-rules §3).
"""

from datetime import datetime
from functools import lru_cache
from typing import Literal

import msgspec

KEPT_RULES = 1_000
KeyKindName = Literal["DOCUMENT", "MOBILE", "DEVICE", "CARD", "ACCOUNT"]
FlowName = Literal["MERCHANT_SCANS", "CUSTOMER_SCANS", "ONLINE"]
GoodsName = Literal["STORED_VALUE", "PHONE_TOP_UP", "TOBACCO", "FUEL"]
"""Goods that a batch may exclude (domain-rules §3, Scope)."""
ThresholdBasis = Literal["ORDER", "AFTER_DISCOUNTS"]
ValidityMode = Literal[
    "HOURS", "CLAIM_DAY", "NATURAL_DAYS", "NATURAL_DAYS_FROM_NEXT", "FIXED_WINDOW", "CAMPAIGN_END"
]
RefundPolicy = Literal[
    "PRO_RATA_KEEP_USED", "ALWAYS_CONSUMED", "OWN_MONEY_FIRST", "CASH_ONLY", "QUOTA_CONSUMED"
]


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class ThresholdBenefit(_Rule, frozen=True, tag="THRESHOLD", tag_field="type"):
    """满减: the basis amount must reach ``threshold_fen`` (``≥``), then the face is taken off."""

    threshold_fen: int
    basis: ThresholdBasis = "ORDER"


Benefit = ThresholdBenefit


class Validity(_Rule, frozen=True):
    """When a voucher may be used (domain-rules §4); every end is capped by the campaign's end.

    ``value`` counts hours or days. ``starts`` is at the claim or the next midnight.
    """

    mode: ValidityMode
    value: int = 0
    starts: Literal["CLAIM", "NEXT_DAY"] = "CLAIM"
    fixed_from: datetime | None = None
    fixed_until: datetime | None = None


class LimitRule(_Rule, frozen=True):
    """At most ``count`` per key and window, on claims or redemptions, over a scope."""

    code: str
    side: Literal["CLAIM", "REDEMPTION"]
    scope: Literal["CAMPAIGN", "BATCH"]
    window: Literal["DAY", "WEEK", "TOTAL"]
    count: int
    keys: tuple[KeyKindName, ...]


class Location(_Rule, frozen=True):
    """Whether the request must carry a location inside the campaign's regions."""

    at_claim: bool = False
    at_use: bool = False


class UseScope(_Rule, frozen=True):
    """Where and how a voucher may be used; an empty list means no restriction."""

    whitelist: bool = True
    regions: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    flows: tuple[FlowName, ...] = ()
    card_bins: tuple[str, ...] = ()
    excluded_goods: tuple[GoodsName, ...] = ()


class BatchRules(_Rule, frozen=True):
    """All rules of a batch that its campaign's approval freezes."""

    benefit: Benefit
    validity: Validity
    limits: tuple[LimitRule, ...]
    use: UseScope = UseScope()
    location: Location = Location()
    refund_policy: RefundPolicy = "PRO_RATA_KEEP_USED"
    realname: bool = True
    hold_seconds_till: int = 120
    hold_seconds_online: int = 900


def rules_read(document: object) -> BatchRules:
    """Read frozen rules from their JSON value.

    Raises:
        msgspec.ValidationError: not rules of this shape (names the path).
    """
    return msgspec.convert(document, BatchRules)


@lru_cache(KEPT_RULES)
def rules_frozen(text: str) -> BatchRules:
    """Read frozen rules from their JSON text, once per text: the text is what was approved."""
    return rules_read(msgspec.json.decode(text))


def rules_write(rules: BatchRules) -> dict[str, object]:
    """Return rules as the JSON value that is frozen and hashed."""
    value: dict[str, object] = msgspec.to_builtins(rules)
    return value
