"""The frozen rules of a batch as typed values; the JSON of `BatchVersion.rules`.

Unknown fields are refused, so a rule nobody reads can never be approved.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec

from campaigns.definition.model import Code, Moment
from core.access.region_codes import subtree_contains
from core.access.regions import region_names
from core.money import MAX_FEN
from vouchers.rules.benefit_model import Benefit, ItemCode, ItemName, Rule

KEPT_RULES = 1_000
KeyKindName = Literal["DOCUMENT", "MOBILE", "DEVICE", "CARD", "ACCOUNT"]
FlowName = Literal["MERCHANT_SCANS", "CUSTOMER_SCANS", "ONLINE"]
GoodsName = Literal["STORED_VALUE", "PHONE_TOP_UP", "TOBACCO", "FUEL"]
"""Goods that a batch may exclude (domain-rules §3, Scope)."""
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
IssuingName = Literal["CLAIM", "PACK", "RETURN", "LOTTERY", "DRAW", "PAYMENT", "DOSSIER"]
"""How vouchers come to people: claimed, as part of a pack (券包), for a purchase (消费返券), by a
lottery, by an instant draw, taken off at the payment without any claim (立减), or by the review of
a dossier (补贴申报)."""
LeftoverName = Literal["KEEP", "NEXT_WAVE"]
"""What becomes of units nobody claimed or used (domain-rules §8): kept until the campaign's close
or another approved version, or opened with the batch's next wave."""
SideName = Literal["CLAIM", "REDEMPTION"]
WindowName = Literal["DAY", "WEEK", "MONTH", "WAVE", "TOTAL"]
GroupName = Annotated[str, msgspec.Meta(pattern=r"^[^\s@:]{0,20}$")]
"""A name people read, e.g. 餐饮."""
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
StoreNo = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,20}$")]
BrandCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,20}$")]
TierName = Literal["3A", "2A", "1A"]
"""Tiers of the merchant pool (核心商户池); never a condition of public money (domain-rules §9)."""
MOST_STORES = 500
"""Rules are read with every voucher; a longer list of stores is a whitelist."""
DayTime = Annotated[str, msgspec.Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class Validity(Rule, frozen=True):
    """When a voucher may be used (domain-rules §4); every end is capped by the campaign's end.

    ``value`` counts hours or days. ``starts`` is at the claim or the next midnight. Rounds
    (ROUND_END) are ``value`` days each, one after the other from ``fixed_from``.
    """

    mode: ValidityMode
    value: Annotated[int, msgspec.Meta(ge=0, le=24 * 3_660)] = 0
    starts: Literal["CLAIM", "NEXT_DAY"] = "CLAIM"
    fixed_from: Moment | None = None
    fixed_until: Moment | None = None


class LimitRule(Rule, frozen=True):
    """At most ``count`` per key and window, on claims or redemptions, over a scope.

    GROUP counts the batches together that name the same ``group``; a WAVE (claims only) lasts
    until the next slot of the batch's plan. A claim stays counted whatever becomes of its voucher,
    unless a voucher that expires unused ``gives_back`` its unit (domain-rules §4).
    """

    code: str
    side: SideName
    scope: Literal["CAMPAIGN", "GROUP", "BATCH"]
    window: WindowName
    count: Annotated[int, msgspec.Meta(le=1_000_000)]
    keys: tuple[KeyKindName, ...]
    gives_back: bool = False


class CapRule(Rule, frozen=True):
    """At most so much is claimed by all people together in a day or week (投放上限).

    ``units`` counts claims (a pack once), ``amount_fen`` their faces; both may be given. What has
    been claimed only grows within a window, so a refusal stays one until the next window or a
    version with another cap (domain-rules §2). Batches that name the same code with scope CAMPAIGN
    or GROUP count together.
    """

    code: str
    scope: Literal["CAMPAIGN", "GROUP", "BATCH"]
    window: Literal["DAY", "WEEK"] = "DAY"
    units: Annotated[int, msgspec.Meta(ge=1, le=10**9)] | None = None
    amount_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)] | None = None


class Location(Rule, frozen=True):
    """Whether the request must carry a location, and inside which regions (domain-rules §5).

    A county's vouchers may be claimed in the whole province: ``regions`` need not be the
    campaign's, which hold where none is named.
    """

    at_claim: bool = False
    at_use: bool = False
    regions: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()

    def refuses(self, region_code: str, campaign_regions: Sequence[str]) -> dict[str, Any]:
        """Return the values of the refusal of who is at ``region_code``; none for who is inside."""
        regions = self.regions or campaign_regions
        if any(subtree_contains(region, region_code) for region in regions):
            return {}
        return {"regions": list(regions), "region_names": self.names(regions)}

    @staticmethod
    def names(regions: Sequence[str]) -> list[str]:
        """Return what regions are called."""
        known = region_names(regions)
        return [known.get(code, code) for code in regions]


class UseHours(Rule, frozen=True):
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


class ItemRule(Rule, frozen=True, cache_hash=True):
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


class UseScope(Rule, frozen=True):
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


class TriggerBatch(Rule, frozen=True):
    """A batch whose redemptions count; the canonical form has its name too."""

    batch: str
    name: str = ""


class TriggerRule(Rule, frozen=True):
    """The purchase that a return voucher (消费返券) is given for, once per purchase.

    ``source`` is a redemption of this campaign (of the named ``batches``; of none named, of any
    but return vouchers) or a purchase that an acquirer reports. Its order amount is in
    ``[from_fen, below_fen)``, and ``use`` says where, when and how it counts. A refund that leaves
    less than ``from_fen`` takes the voucher back.
    """

    source: Literal["REDEMPTION", "TRANSACTION"]
    from_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)]
    below_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)] | None = None
    batches: Annotated[tuple[TriggerBatch, ...], msgspec.Meta(max_length=50)] = ()
    use: UseScope = UseScope()

    def is_met_by(self, order_fen: int) -> bool:
        """Tell whether an order of so much counts."""
        return self.from_fen <= order_fen and (self.below_fen is None or order_fen < self.below_fen)


class AudienceRule(Rule, frozen=True):
    """Only members of an audience (定向人群) may claim: of its list in force at the claim.

    ``name`` is what people read, the one the audience was registered with; ``contact`` says where
    somebody who belongs to it asks to be put on the list.
    """

    code: Code
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    contact: Annotated[str, msgspec.Meta(max_length=80)] = ""


class DeviceRule(Rule, frozen=True):
    """At most ``persons`` people claim on a device in ``days`` days.

    People are counted over all batches and channels of the campaign (screening.md, FC2 一机多号:
    the eighth in 7 days is blocked, so 7). Who names no device is not counted.
    """

    persons: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 7


class BatchRules(Rule, frozen=True):
    """All rules of a batch that its campaign's approval freezes."""

    benefit: Benefit
    validity: Validity
    limits: tuple[LimitRule, ...]
    caps: tuple[CapRule, ...] = ()
    leftover: LeftoverName = "KEEP"
    use: UseScope = UseScope()
    location: Location = Location()
    issuing: IssuingName = "CLAIM"
    trigger: TriggerRule | None = None
    """Of a return voucher, what it is given for."""
    audience: AudienceRule | Literal[""] = ""
    """Whom it is for; empty for everybody, as versions approved before audiences say it."""
    device: DeviceRule | None = None
    group: GroupName = ""
    """Batches of one group count together where a limit says so."""
    conflicts: tuple[GroupName, ...] = ()
    """Groups of which a person who claims from this batch has claimed nothing, and will not."""
    refund_policy: RefundPolicy = "PRO_RATA_KEEP_USED"
    realname: bool = True
    hold_seconds_till: int = 120
    hold_seconds_online: int = 900


def purchase_rules(rules: BatchRules) -> BatchRules | None:
    """Return a return voucher's rules as if it were used at the purchase that it is given for.

    So that a purchase is looked at, checked and told by what looks at uses; None for other batches.
    """
    if rules.trigger is None:
        return None
    return msgspec.structs.replace(rules, use=rules.trigger.use, location=Location(), trigger=None)


def rolls_over(rules: BatchRules) -> bool:
    """Tell whether what a wave leaves opens with the next one."""
    return rules.leftover == "NEXT_WAVE"


def benefit_kind(rules: BatchRules) -> str:
    """Return the kind of batch: 立减, 补贴 or 消费返券 by how it is issued, else by its benefit.

    The tags of benefits are the kinds' names.
    """
    by_issuing = {"PAYMENT": "INSTANT", "DOSSIER": "SUBSIDY", "RETURN": "RETURN"}
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
