"""Plays a campaign in memory: waves open and close, people claim, go shopping, come back.

Events in order of time from one heap; at one moment a wave closes, then opens, then people come.
Everything that is decided is decided by the functions that decide real claims and payments.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from uuid import UUID

from msgspec.structs import replace

from campaigns.definition.model import CampaignSpec
from core.clock import TIME_ZONE
from core.errors import Refusal
from core.money import funder_parts
from redemption.forecast.counters import Capped, Counters
from redemption.forecast.crowd import EARLY_S, Arrival, Crowd
from redemption.forecast.sampling import Cast, Opening
from redemption.forecast.stages import Stage, Wave
from redemption.forecast.tickets import NOBODY, Purse, Tickets
from redemption.rules.amounts import amounts
from redemption.rules.eligibility import eligibility, purchase_refusals
from redemption.rules.facts import PaymentFacts, VoucherFacts
from vouchers.definition.normal import funder_order
from vouchers.rules.claiming import claim_refusals, never_usable
from vouchers.rules.model import purchase_rules
from vouchers.rules.validity import validity_window
from vouchers.services.expiry import GRACE
from vouchers.states import VoucherState

BELOW = "redemption.below_threshold"
CLOSES, OPENS, GATHERS, PEOPLE = range(4)
Told = Callable[[int, int], None]


@dataclass(slots=True)
class Till:
    """What became of the vouchers of a batch: payments, money by funder, days."""

    parts_issued: list[int]
    parts_used: list[int]
    drawn: int = 0
    below: int = 0
    reached: int = 0
    redeemed: int = 0
    subsidy_fen: int = 0
    order_fen: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    days: dict[date, list[int]] = field(default_factory=dict)

    def redeem(self, at: datetime, order_fen: int, subsidy_fen: int, parts: Sequence[int]) -> None:
        """Count a redemption."""
        self.redeemed += 1
        self.subsidy_fen += subsidy_fen
        self.order_fen += order_fen
        self.parts_used = [old + new for old, new in zip(self.parts_used, parts, strict=True)]
        day = self.days.setdefault(at.astimezone(TIME_ZONE).date(), [0, 0, 0])
        for place, number in enumerate((1, subsidy_fen, order_fen)):
            day[place] += number


def nobody_listens(_done: int, _total: int) -> None:
    """Let it go on unseen."""


class Play:
    """One run; `run` plays it to its end, then ``cast`` and ``tills`` hold the counts."""

    def __init__(
        self, spec: CampaignSpec, cast: Cast, parameters: Mapping[str, int], seed: int
    ) -> None:
        """Take the campaign, the cast, the parameters and the seed of all chance."""
        self.spec, self.cast = spec, cast
        chance = random.Random(f"forecast-{seed}")  # noqa: S311 - a crowd, not a secret
        self.crowd = Crowd(chance, parameters, cast.persons, spec.regions)
        self.tickets = Tickets(self.crowd, parameters, spec.regions)
        self.visits = parameters["visits"]
        self.claims, self.uses, self.capped = Counters(), Counters(), Capped()
        self.claimants: set[int] = set()
        # In the campaign's order: a stored document keeps the keys in the database's.
        self.weights = [
            [stage.batch.funders[code] for code in funder_order(spec, stage.batch)]
            for stage in cast.stages
        ]
        self.tills = [Till([0] * len(one), [0] * len(one)) for one in self.weights]
        self._place = {id(stage): place for place, stage in enumerate(cast.stages)}
        self._events: list[tuple[datetime, int, int, Callable[[datetime], None]]] = []
        self._numbers = count()

    def run(self, told: Told = nobody_listens) -> None:
        """Play to the end; ``told(openings gathered, openings)`` after each."""
        for stage in self.cast.stages:
            for wave in stage.waves:
                self._add(wave.slot, OPENS, partial(_opens, stage, wave))
                if wave.closes_at is not None:
                    self._add(wave.closes_at, CLOSES, partial(_closes, stage, wave))
        for done, opening in enumerate(self.cast.openings, 1):
            gather = partial(self._gather, opening, partial(told, done, len(self.cast.openings)))
            self._add(opening.at - timedelta(seconds=EARLY_S), GATHERS, gather)
        while self._events:
            at, _order, _number, deed = heapq.heappop(self._events)
            deed(at)

    def _add(self, at: datetime, order: int, deed: Callable[[datetime], None]) -> None:
        heapq.heappush(self._events, (at, order, next(self._numbers), deed))

    def _gather(self, opening: Opening, told: Callable[[], None], _at: datetime) -> None:
        for one in self.crowd.arrivals(opening.at, opening.units):
            self._add(one.at, PEOPLE, partial(self._claim, opening, one, True))
        told()

    # -- claims ------------------------------------------------------------------------------

    def _claim(self, opening: Opening, arrival: Arrival, first: bool, at: datetime) -> None:
        """Let somebody claim; ``first`` tells whether he may try another batch afterwards."""
        stage = opening.stages[arrival.choice]
        came_for = opening.waves[arrival.choice]
        refused = self._claim_decide(stage, arrival.person, at)
        if refused is not None:
            came_for.refused[refused.code] += 1
            if refused.code == "claim.sold_out" and first and self.crowd.happens("retry"):
                self._claim_elsewhere(opening, arrival, at)
            return
        came_for.accepted += 1
        if first and self.crowd.happens("again"):
            self._claim_elsewhere(opening, arrival, at)

    def _claim_elsewhere(self, opening: Opening, arrival: Arrival, at: datetime) -> None:
        """Let somebody try the next batch of the moment, or the same where there is one only."""
        choice = (arrival.choice + 1) % len(opening.stages)
        other = arrival._replace(choice=choice)
        self._add(at + self.crowd.hesitates(), PEOPLE, partial(self._claim, opening, other, False))

    def _claim_decide(self, stage: Stage, person: int, at: datetime) -> Refusal | None:
        """Return the first reason against a claim; without one the voucher is issued."""
        if at >= self.spec.ends_at:
            return Refusal("claim.ended")
        nothing = stage.nothing_left(at)
        if nothing is not None:
            return nothing
        rules = stage.batch.rules
        keys = self.crowd.keys(person)
        inside = stage.inside or [(stage, 1)]
        validities = [
            validity_window(
                one.batch.rules.validity, claimed_at=at, campaign_ends_at=self.spec.ends_at
            )
            for one, _quantity in inside
        ]
        lines = self.claims.lines(stage.claim_rows, keys, at, stage.come)
        refusals = [
            *claim_refusals(
                rules,
                verified=self.crowd.verified(person),
                in_audience=self.crowd.in_audience(person),
                key_kinds=keys,
                region_code=self.crowd.region("away", rules.location),
                campaign_regions=self.spec.regions,
            ),
            *never_usable(validities, at, self.spec.ends_at),
            *self.claims.claim_refusals(lines),
        ]
        face_fen = stage.batch.face_fen
        none_left = stage.no_unit() or self.capped.refusal(stage.cap_rows, face_fen, at)
        if refusals or none_left:
            return refusals[0] if refusals else none_left
        self.claims.count(lines)
        self.capped.count(stage.cap_rows, face_fen, at)
        self.claimants.add(person)
        stage.take(at)
        for (one, quantity), validity in zip(inside, validities, strict=True):
            for _ in range(quantity):
                if one is not stage:
                    one.issued += 1
                self._issue(one, person, at, validity)
        return None

    # -- vouchers ----------------------------------------------------------------------------

    def _issue(
        self, stage: Stage, person: int, at: datetime, validity: tuple[datetime, datetime]
    ) -> None:
        place = self._place[id(stage)]
        till = self.tills[place]
        batch = stage.batch
        parts = tuple(funder_parts(batch.face_fen, self.weights[place], stage.issued))
        till.parts_issued = [old + new for old, new in zip(till.parts_issued, parts, strict=True)]
        voucher_id = UUID(int=stage.issued)
        if stage.rolls_over:
            stage.unused.add(voucher_id)
            swept_at = validity[1] + GRACE
            self._add(swept_at, CLOSES, partial(_expires, stage, voucher_id))
        if not self.crowd.happens("use"):
            return
        facts = VoucherFacts(
            voucher_id=voucher_id,
            batch_id=NOBODY,
            campaign_id=NOBODY,
            enrolment_id=NOBODY,
            client_id=NOBODY,
            face_fen=batch.face_fen,
            parts=parts,
            funder_ids=(NOBODY,) * len(parts),
            state=VoucherState.ACTIVE,
            valid_from=validity[0],
            valid_until=validity[1],
            held_until=None,
            rules=batch.rules,
            batch_code=batch.code,
            batch_name=batch.name,
            owner_region=self.spec.owner_region,
            campaign_regions=self.spec.regions,
            paused=False,
        )
        purse = Purse(stage, person, facts, self.visits)
        self._add(self.tickets.first_visit(at, purse), PEOPLE, partial(self._visit, purse))

    def _visit(self, purse: Purse, at: datetime) -> None:
        """Let somebody pay with his voucher; refused, he may come back while it is valid."""
        stage, till = purse.stage, self.tills[self._place[id(purse.stage)]]
        payment = self.tickets.payment(stage, at)
        lines = self.uses.lines(stage.use_rows, self.crowd.keys(purse.person), at)
        refusals = [*eligibility(purse.facts, payment), *self.uses.use_refusals(lines)]
        till.drawn += 1
        if any(one.code == BELOW for one in refusals):
            till.below += 1
        else:
            till.reached += 1
        if not refusals:
            self.uses.count(lines)
            stage.unused.discard(purse.facts.voucher_id)
            self._redeem(till, purse.facts, payment)
            self._give_returns(purse, payment)
            return
        till.refused[refusals[0].code] += 1
        purse.visits -= 1
        if purse.visits and at < purse.facts.valid_until and self.crowd.happens("comeback"):
            opens_at = refusals[0].data.get("opens_at")
            self._add(self.tickets.next_visit(at, opens_at), PEOPLE, partial(self._visit, purse))

    def _redeem(self, till: Till, facts: VoucherFacts, payment: PaymentFacts) -> None:
        taken = amounts(facts, payment)
        till.redeem(payment.at, taken.order_fen, taken.subsidy_fen, taken.parts)

    def _give_returns(self, purse: Purse, payment: PaymentFacts) -> None:
        """Give what is given for a payment with a voucher; what acquirers report is not played."""
        paid_with = purse.stage.batch
        for stage in self.cast.stages:
            rules = stage.batch.rules
            purchase, trigger = purchase_rules(rules), rules.trigger
            if purchase is None or trigger is None or trigger.source != "REDEMPTION":
                continue
            named = {one.batch for one in trigger.batches}
            counts = (
                paid_with.code in named if named else paid_with.rules.trigger is None
            ) and trigger.is_met_by(payment.order_fen)
            as_used = replace(purse.facts, rules=purchase)
            if counts and not purchase_refusals(as_used, payment):
                self._claim_decide(stage, purse.person, payment.at)

    def funder_parts_of(self, place: int) -> Iterator[tuple[str, int, int]]:
        """Yield funder code, fen issued and fen used of a batch of the cast."""
        till = self.tills[place]
        codes = funder_order(self.spec, self.cast.stages[place].batch)
        yield from zip(codes, till.parts_issued, till.parts_used, strict=True)


def _opens(stage: Stage, wave: Wave, _at: datetime) -> None:
    stage.wave_opens(wave)


def _expires(stage: Stage, voucher_id: UUID, _at: datetime) -> None:
    stage.expires(voucher_id)


def _closes(stage: Stage, wave: Wave, _at: datetime) -> None:
    stage.wave_closes(wave)
