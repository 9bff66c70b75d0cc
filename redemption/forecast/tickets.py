"""What is bought with a voucher, where, how and with which card; drawn for each visit."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID

from msgspec.structs import replace

from core.money import FEN_PER_YUAN
from merchants.models import Merchant
from redemption.forecast.crowd import Crowd, outside_of
from redemption.forecast.stages import Stage
from redemption.rehearsal.tiers import DAYS_LATER, THOUSAND, order_above
from redemption.rehearsal.world import TRADES
from redemption.rules.facts import PaymentFacts, PlaceFacts, VoucherFacts
from redemption.rules.items import Item
from vouchers.rules.benefit_model import ExchangeBenefit
from vouchers.rules.model import FlowName, ItemRule, UseScope

NOBODY = UUID(int=0)
"""Stands for every row that a forecast has not."""
LISTED = frozenset({NOBODY})
OWN_BIN, FOREIGN_BIN = "622848", "400000"
RARE = 1
"""Weight of an industry that the rehearsal's world has no shop of."""
WEIGHTS = {trade.industry: trade.weight for trade in TRADES}
MCCS = {trade.industry: trade.mcc for trade in TRADES}
FLOWS: tuple[FlowName, ...] = get_args(FlowName)
PATIENCE = timedelta(hours=3)
"""Who finds a voucher outside its hours comes within so long after they begin."""


@dataclass(slots=True)
class Purse:
    """A voucher in somebody's hands, and how many visits are left to him."""

    stage: Stage
    person: int
    facts: VoucherFacts
    visits: int


class Tickets:
    """Draws visits and payments."""

    def __init__(self, crowd: Crowd, parameters: Mapping[str, int], regions: tuple[str, ...]):
        """Take the crowd that shops, the parameters and the campaign's regions."""
        self._crowd, self._chance = crowd, crowd.chance
        self._parameters = parameters
        self._regions = regions
        scans, online = parameters["customer_scans"], parameters["online"]
        self._flow_weights: dict[FlowName, int] = {
            "MERCHANT_SCANS": THOUSAND - scans - online,
            "CUSTOMER_SCANS": scans,
            "ONLINE": online,
        }
        sigma = parameters["ticket_sigma"] / THOUSAND
        self._sigma = sigma
        # The mean of a log-normal is exp(mu + sigma²/2).
        self._mu = {
            name: math.log(parameters[f"ticket_{name.lower()}"] * FEN_PER_YUAN) - sigma**2 / 2
            for name in Merchant.Industry.values
        }

    def first_visit(self, claimed_at: datetime, purse: Purse) -> datetime:
        """Draw when somebody first goes shopping: some on the day of the claim in any case."""
        valid_from = purse.facts.valid_from
        hasty = self._crowd.happens("hasty")
        (days,) = self._chance.choices(list(DAYS_LATER), list(DAYS_LATER.values()))
        begins = claimed_at if hasty or valid_from <= claimed_at else valid_from
        at = self._crowd.on_day(begins, 0 if hasty else days)
        # Whoever claimed after the hour drawn goes soon, while the shops are open.
        return at if at >= begins else begins + self._chance.random() * PATIENCE

    def next_visit(self, at: datetime, opens_at: datetime | None) -> datetime:
        """Draw when somebody comes back: as soon as the voucher may be used, or days later."""
        if opens_at is not None:
            return opens_at + self._chance.random() * PATIENCE
        (days,) = self._chance.choices(list(DAYS_LATER), list(DAYS_LATER.values()))
        return self._crowd.on_day(at, days + 1)

    def payment(self, stage: Stage, at: datetime) -> PaymentFacts:
        """Draw a payment at ``at``."""
        use = stage.batch.rules.use
        elsewhere = self._crowd.happens("wrong_store")
        place = self._place(use, elsewhere=elsewhere)
        order_fen = self._order(stage, place.industry)
        discount = self._parameters["discount_rate"] if self._crowd.happens("discount_share") else 0
        return PaymentFacts(
            at=at,
            order_fen=order_fen,
            other_discount_fen=order_fen * discount // THOUSAND,
            flow=self._flow(use),
            card_bin=self._card(use),
            place=place,
            listed_in=frozenset() if elsewhere else LISTED,
            region_at=self._crowd.region("away_at_use", stage.batch.rules.location),
            items=self._items(stage, order_fen),
        )

    def _items(self, stage: Stage, order_fen: int) -> tuple[Item, ...]:
        """Name what a rule asks about: of a mixed order half is not what it counts.

        An item that is exchanged costs what the voucher is worth, or is not in the order.
        """
        use, benefit = stage.batch.rules.use, stage.batch.rules.benefit
        if isinstance(benefit, ExchangeBenefit):
            if self._crowd.happens("excluded_goods"):
                return ()
            price = min(order_fen, stage.batch.face_fen)
            return (Item(price, sku=benefit.sku, quantity=benefit.quantity),)
        excluded = [
            *(Item(0, category=kind) for kind in use.excluded_goods),
            *_lines(use.excluded_items),
        ]
        mixed = (use.items or excluded) and self._crowd.happens("excluded_goods")
        wrong = replace(excluded[0], amount_fen=order_fen // 2) if mixed and excluded else None
        if not use.items:
            return (wrong,) if wrong else ()
        right = replace(
            self._chance.choice(_lines(use.items)),
            amount_fen=order_fen - (order_fen // 2 if mixed else 0),
        )
        return (right, wrong) if wrong else (right,)

    def _order(self, stage: Stage, industry: str) -> int:
        """Draw an order: some buy for the threshold, the rest what their industry sells."""
        threshold = stage.batch.rules.benefit.threshold_fen
        if threshold and self._crowd.happens("aim"):
            return order_above(self._chance, threshold)
        return max(1, round(self._chance.lognormvariate(self._mu[industry], self._sigma)))

    def _place(self, use: UseScope, *, elsewhere: bool) -> PlaceFacts:
        named = use.industries or tuple(WEIGHTS)
        weights = [WEIGHTS.get(name, RARE) for name in named]
        (industry,) = self._chance.choices(named, weights)
        regions = use.regions or self._regions
        region = outside_of(regions) if elsewhere else self._chance.choice(regions)
        return PlaceFacts(
            acquirer_id=NOBODY,
            merchant_id=NOBODY,
            store_id=NOBODY,
            store_no=self._member(use.stores, elsewhere=elsewhere),
            terminal_id=NOBODY,
            store_region=region,
            industry=industry,
            mcc=MCCS.get(industry, ""),
            brand=self._member(use.brands, elsewhere=elsewhere),
            tier=self._member(use.tiers, elsewhere=elsewhere),
            store_active=True,
            merchant_state=Merchant.State.ACTIVE,
        )

    def _member(self, named: tuple[str, ...], *, elsewhere: bool) -> str:
        """Draw one of the names that a rule gives; nothing where it gives none, or elsewhere."""
        return self._chance.choice(named) if named and not elsewhere else ""

    def _flow(self, use: UseScope) -> FlowName:
        allowed = use.flows or FLOWS
        others = [flow for flow in FLOWS if flow not in allowed]
        if others and self._crowd.happens("wrong_flow"):
            return self._chance.choice(others)
        weights = [self._flow_weights[flow] for flow in allowed]
        if not any(weights):
            return allowed[0]
        return self._chance.choices(allowed, weights)[0]

    def _card(self, use: UseScope) -> str:
        if not use.card_bins:
            return OWN_BIN
        return FOREIGN_BIN if self._crowd.happens("wrong_card") else f"{use.card_bins[0]:0<6}"


def _lines(rules: Sequence[ItemRule]) -> list[Item]:
    """Return a line of goods per rule, without an amount."""
    return [Item(0, sku=rule.sku, category=rule.category) for rule in rules]
