"""The frozen rules of a batch as typed values; the JSON of `BatchVersion.rules`.

Unknown fields are refused, so a rule nobody reads can never be approved. Other batch types add
members to `Benefit` (domain-rules §3).
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from core.money import MAX_FEN

KEPT_RULES = 1_000
KeyKindName = Literal["DOCUMENT", "MOBILE", "DEVICE", "CARD", "ACCOUNT"]
FlowName = Literal["MERCHANT_SCANS", "CUSTOMER_SCANS", "ONLINE"]
GoodsName = Literal["STORED_VALUE", "PHONE_TOP_UP", "TOBACCO", "FUEL"]
"""Goods that a batch may exclude (domain-rules §3, Scope)."""
ThresholdBasis = Literal["ORDER", "AFTER_MERCHANT_DISCOUNTS", "AFTER_DISCOUNTS"]
"""What threshold and percentage are measured on: the order, less what the merchant takes off, less
the offers of bank and wallet too (domain-rules §3)."""
FULL_BP = 10_000
"""The whole in basis points."""
ValidityMode = Literal[
    "HOURS",
    "CLAIM_DAY",
    "NATURAL_DAYS",
    "NATURAL_DAYS_FROM_NEXT",
    "MONTH_END",
    "ROUND_END",
    "FIXED_WINDOW",
    "CAMPAIGN_END",
]
RefundPolicy = Literal[
    "PRO_RATA_KEEP_USED", "ALWAYS_CONSUMED", "OWN_MONEY_FIRST", "CASH_ONLY", "QUOTA_CONSUMED"
]
WEEKDAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
IssuingName = Literal["CLAIM", "PACK", "LOTTERY", "DRAW", "PAYMENT", "DOSSIER"]
"""How vouchers come to people: claimed, as part of a pack (券包), by a lottery, by an instant draw,
taken off at the payment without any claim (立减), or by the review of a dossier (补贴申报)."""
SideName = Literal["CLAIM", "REDEMPTION"]
WindowName = Literal["DAY", "WEEK", "MONTH", "WAVE", "TOTAL"]
GroupName = Annotated[str, msgspec.Meta(pattern=r"^[^\s@:]{0,20}$")]
"""A name people read, e.g. 餐饮."""
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
ItemName = Annotated[str, msgspec.Meta(pattern=r"^\S(.*\S)?$", max_length=40)]
"""On one line, with no blanks around it: the draft page writes it after its code."""
ItemCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z._-]{0,40}$")]
StoreNo = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,20}$")]
BrandCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,20}$")]
TierName = Literal["3A", "2A", "1A"]
"""Tiers of the merchant pool (核心商户池); never a condition of public money (domain-rules §9)."""
MOST_STORES = 500
"""Rules are read with every voucher; a longer list of stores is a whitelist."""
DayTime = Annotated[str, msgspec.Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class ThresholdBenefit(_Rule, frozen=True, tag="THRESHOLD", tag_field="type"):
    """满减: the basis amount must reach ``threshold_fen`` (``≥``), then the face is taken off.

    ``face_multiple`` says the threshold as a multiple of the face; the canonical form has both.
    """

    threshold_fen: Annotated[int, msgspec.Meta(ge=0, le=MAX_FEN)] = 0
    face_multiple: Annotated[int, msgspec.Meta(le=1_000)] | None = None
    basis: ThresholdBasis = "ORDER"


class NoThresholdBenefit(_Rule, frozen=True, tag="NO_THRESHOLD", tag_field="type"):
    """无门槛: the face is taken off whatever the order; the payer still pays at least 0.01."""

    @property
    def threshold_fen(self) -> int:
        """No amount has to be reached."""
        return 0

    @property
    def basis(self) -> ThresholdBasis:
        """What a threshold would be measured on."""
        return "ORDER"


class PercentageBenefit(_Rule, frozen=True, tag="PERCENTAGE", tag_field="type"):
    """折扣: ``min(half_up(base × rate), cap)`` is taken off; the cap is the face of the batch.

    ``rate_bp`` is the part taken off in basis points: 八折 is 2,000. What is left of the face is
    kept for the voucher until its validity ends (architecture.md, Money: earmarked).
    """

    rate_bp: Annotated[int, msgspec.Meta(ge=1, le=FULL_BP - 1)]
    threshold_fen: Annotated[int, msgspec.Meta(ge=0, le=MAX_FEN)] = 0
    ceiling_fen: Annotated[int, msgspec.Meta(le=MAX_FEN)] | None = None
    """The highest price that is still eligible (digital goods of 2025: 6,000)."""
    basis: ThresholdBasis = "AFTER_MERCHANT_DISCOUNTS"


class Tier(_Rule, frozen=True):
    """From ``from_fen`` on (included) ``subsidy_fen`` is taken off."""

    from_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)]
    subsidy_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)]


class TiersBenefit(_Rule, frozen=True, tag="TIERS", tag_field="type"):
    """阶梯: the highest tier that is reached decides; the face of the batch is the highest subsidy.

    Bao'an 2022, cars: from 100,000 on 5,000, from 200,000 on 12,000, … As with a percentage the
    rest of the face is kept for the voucher.
    """

    tiers: Annotated[tuple[Tier, ...], msgspec.Meta(min_length=1, max_length=20)]
    basis: ThresholdBasis = "AFTER_MERCHANT_DISCOUNTS"

    @property
    def threshold_fen(self) -> int:
        """The lower bound of the first tier."""
        return self.tiers[0].from_fen


class ExchangeBenefit(_Rule, frozen=True, tag="EXCHANGE", tag_field="type"):
    """兑换券（单品券）: ``quantity`` pieces of one item, paid for up to the face of the batch.

    It takes off the price that the order says for them; what is dearer than the face the payer
    pays himself, and of a cheaper one the rest of the face is kept for the voucher. The payer may
    pay nothing. ``name`` is what people read.
    """

    sku: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z._-]{1,40}$")]
    name: ItemName
    quantity: Annotated[int, msgspec.Meta(ge=1, le=99)] = 1

    @property
    def threshold_fen(self) -> int:
        """No amount has to be reached."""
        return 0

    @property
    def basis(self) -> ThresholdBasis:
        """What a threshold would be measured on."""
        return "ORDER"


class PackPart(_Rule, frozen=True):
    """``quantity`` vouchers of another batch; the canonical form has its name too."""

    batch: str
    quantity: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1
    name: str = ""


class PackBenefit(_Rule, frozen=True, tag="PACK", tag_field="type"):
    """券包: several vouchers in one claim, all or nothing; its face is the sum of theirs.

    Hangzhou 2022: 2 × 满20减5, 2 × 满40减10, 1 × 满80减20. The batches it is made of have no waves
    of their own; each of their vouchers follows the rules of its own batch.
    """

    parts: Annotated[tuple[PackPart, ...], msgspec.Meta(min_length=1, max_length=20)]

    @property
    def threshold_fen(self) -> int:
        """No amount has to be reached to claim it."""
        return 0

    @property
    def basis(self) -> ThresholdBasis:
        """What a threshold would be measured on."""
        return "ORDER"


Benefit = (
    ThresholdBenefit
    | NoThresholdBenefit
    | PercentageBenefit
    | TiersBenefit
    | ExchangeBenefit
    | PackBenefit
)


class Validity(_Rule, frozen=True):
    """When a voucher may be used (domain-rules §4); every end is capped by the campaign's end.

    ``value`` counts hours or days. ``starts`` is at the claim or the next midnight. Rounds
    (ROUND_END) are ``value`` days each, one after the other from ``fixed_from``.
    """

    mode: ValidityMode
    value: Annotated[int, msgspec.Meta(ge=0, le=24 * 3_660)] = 0
    starts: Literal["CLAIM", "NEXT_DAY"] = "CLAIM"
    fixed_from: datetime | None = None
    fixed_until: datetime | None = None


class LimitRule(_Rule, frozen=True):
    """At most ``count`` per key and window, on claims or redemptions, over a scope.

    GROUP counts the batches together that name the same ``group``; a WAVE (claims only) lasts
    until the next slot of the batch's plan.
    """

    code: str
    side: SideName
    scope: Literal["CAMPAIGN", "GROUP", "BATCH"]
    window: WindowName
    count: Annotated[int, msgspec.Meta(le=1_000_000)]
    keys: tuple[KeyKindName, ...]


class Location(_Rule, frozen=True):
    """Whether the request must carry a location inside the campaign's regions."""

    at_claim: bool = False
    at_use: bool = False


class UseHours(_Rule, frozen=True):
    """When in a week a voucher may be used: ``[opens, closes)`` on ``weekdays``.

    ``weekdays`` are 1 (Monday) to 7, none means every day. Hours that close at or before they open
    close on the next day: 22:00–02:00 on a Friday ends on Saturday.
    """

    opens: DayTime = "00:00"
    closes: DayTime = "24:00"
    weekdays: tuple[Weekday, ...] = ()

    def words(self, *, english: bool) -> str:
        """Say the hours as a refusal and the rules page do, e.g. 周五、周六 18:00–24:00."""
        names = WEEKDAYS_EN if english else WEEKDAYS_ZH
        days = (", " if english else "、").join(names[day - 1] for day in self.weekdays)
        every = "daily" if english else "每日"
        following = (" next day" if english else "次日") if self.closes <= self.opens else ""
        until = f"{self.closes}{following}" if english else f"{following}{self.closes}"
        return f"{days or every} {self.opens}–{until}"


class ItemRule(_Rule, frozen=True):
    """Goods that a rule names: of one number (SKU, 69-code) or of one category.

    ``name`` is what people read; a till says the codes.
    """

    name: ItemName
    sku: ItemCode = ""
    category: ItemCode = ""

    @property
    def code(self) -> str:
        """Its number or category."""
        return self.sku or self.category

    def words(self, *, english: bool) -> str:
        """Return the name, the same in every language."""
        del english
        return self.name


ItemRules = Annotated[tuple[ItemRule, ...], msgspec.Meta(max_length=200)]


class UseScope(_Rule, frozen=True):
    """Where, when and how a voucher may be used; an empty list means no restriction.

    A store has to be in each of the lists that are given: ``stores`` (store numbers), ``brands``
    and ``tiers`` (of its merchant) only narrow the whitelist, regions and industries.
    """

    whitelist: bool = True
    stores: Annotated[tuple[StoreNo, ...], msgspec.Meta(max_length=MOST_STORES)] = ()
    brands: Annotated[tuple[BrandCode, ...], msgspec.Meta(max_length=100)] = ()
    tiers: tuple[TierName, ...] = ()
    hours: tuple[UseHours, ...] = ()
    regions: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    flows: tuple[FlowName, ...] = ()
    card_bins: tuple[str, ...] = ()
    items: ItemRules = ()
    """Only their amount counts towards threshold and base (单品券)."""
    excluded_items: ItemRules = ()
    excluded_goods: tuple[GoodsName, ...] = ()
    """Categories that the platform knows by name; like ``excluded_items``."""


class BatchRules(_Rule, frozen=True):
    """All rules of a batch that its campaign's approval freezes."""

    benefit: Benefit
    validity: Validity
    limits: tuple[LimitRule, ...]
    use: UseScope = UseScope()
    location: Location = Location()
    issuing: IssuingName = "CLAIM"
    audience: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """Whom it is for, in words (定向人群), e.g. 养老助残卡持卡人; empty for everybody."""
    group: GroupName = ""
    """Batches of one group count together where a limit says so."""
    conflicts: tuple[GroupName, ...] = ()
    """Groups of which a person who claims from this batch has claimed nothing, and will not."""
    refund_policy: RefundPolicy = "PRO_RATA_KEEP_USED"
    realname: bool = True
    hold_seconds_till: int = 120
    hold_seconds_online: int = 900


def benefit_kind(rules: BatchRules) -> str:
    """Return the kind of batch: 立减 or 补贴 by how it is issued, else what its benefit says.

    The tags of benefits are the kinds' names.
    """
    by_issuing = {"PAYMENT": "INSTANT", "DOSSIER": "SUBSIDY"}
    return by_issuing.get(rules.issuing, str(type(rules.benefit).__struct_config__.tag))


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
