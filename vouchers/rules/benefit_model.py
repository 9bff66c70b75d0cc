"""What a voucher takes off, as typed values (domain-rules §3); a part of `vouchers.rules.model`.

Other batch types add members to `Benefit`.
"""

from typing import Annotated, Literal

import msgspec

from core.money import MAX_FEN

ThresholdBasis = Literal["ORDER", "AFTER_MERCHANT_DISCOUNTS", "AFTER_DISCOUNTS"]
"""What threshold and percentage are measured on: the order, less what the merchant takes off, less
the offers of bank and wallet too (domain-rules §3)."""
FULL_BP = 10_000
"""The whole in basis points."""
ItemName = Annotated[str, msgspec.Meta(pattern=r"^\S(.*\S)?$", max_length=40)]
"""On one line, with no blanks around it: the draft page writes it after its code."""
ItemCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z._-]{0,40}$")]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Part of the frozen rules; a field it does not know is refused."""


class ThresholdBenefit(Rule, frozen=True, tag="THRESHOLD", tag_field="type"):
    """满减: the basis amount must reach ``threshold_fen`` (``≥``), then the face is taken off.

    ``face_multiple`` says the threshold as a multiple of the face; the canonical form has both.
    """

    threshold_fen: Annotated[int, msgspec.Meta(ge=0, le=MAX_FEN)] = 0
    face_multiple: Annotated[int, msgspec.Meta(le=1_000)] | None = None
    basis: ThresholdBasis = "ORDER"


class NoThresholdBenefit(Rule, frozen=True, tag="NO_THRESHOLD", tag_field="type"):
    """无门槛: the face is taken off whatever the order; the payer still pays at least 0.01."""

    @property
    def threshold_fen(self) -> int:
        """No amount has to be reached."""
        return 0

    @property
    def basis(self) -> ThresholdBasis:
        """What a threshold would be measured on."""
        return "ORDER"


class PercentageBenefit(Rule, frozen=True, tag="PERCENTAGE", tag_field="type"):
    """折扣: ``min(half_up(base × rate), cap)`` is taken off; the cap is the face of the batch.

    ``rate_bp`` is the part taken off in basis points: 八折 is 2,000. What is left of the face is
    kept for the voucher until its validity ends (architecture.md, Money: earmarked).
    """

    rate_bp: Annotated[int, msgspec.Meta(ge=1, le=FULL_BP - 1)]
    threshold_fen: Annotated[int, msgspec.Meta(ge=0, le=MAX_FEN)] = 0
    ceiling_fen: Annotated[int, msgspec.Meta(le=MAX_FEN)] | None = None
    """The highest price that is still eligible (digital goods of 2025: 6,000)."""
    basis: ThresholdBasis = "AFTER_MERCHANT_DISCOUNTS"


class Tier(Rule, frozen=True):
    """From ``from_fen`` on (included) ``subsidy_fen`` is taken off."""

    from_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)]
    subsidy_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)]


class TiersBenefit(Rule, frozen=True, tag="TIERS", tag_field="type"):
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


class ExchangeBenefit(Rule, frozen=True, tag="EXCHANGE", tag_field="type"):
    """兑换券（单品券）: ``quantity`` pieces of one item, paid for up to the face of the batch.

    It takes off the price that the order says for them, less their share of what the merchant takes
    off the order; what is dearer than the face the payer pays himself, and of a cheaper one the
    rest of the face is kept for the voucher. The payer may pay nothing. ``name`` is what people
    read.
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


class RandomBenefit(Rule, frozen=True, tag="RANDOM", tag_field="type"):
    """随机立减: from ``min_fen`` to the face of the batch, drawn at the payment, each fen alike.

    For instant discounts only. What is left of the face goes back at the voucher's end, so the
    budget has to cover the expected value (domain-rules §3).
    """

    min_fen: Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN)]
    threshold_fen: Annotated[int, msgspec.Meta(ge=0, le=MAX_FEN)] = 0
    basis: ThresholdBasis = "ORDER"


class PackPart(Rule, frozen=True):
    """``quantity`` vouchers of another batch; the canonical form has its name too."""

    batch: str
    quantity: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1
    name: str = ""


class PackBenefit(Rule, frozen=True, tag="PACK", tag_field="type"):
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
    | RandomBenefit
    | PackBenefit
)
