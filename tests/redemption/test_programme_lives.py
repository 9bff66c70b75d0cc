"""A short life of every programme in the repository, in process, on business time.

Each is played at a size at which its smallest wave has a handful of units: drafted, approved,
listed and taken live by the people who may; every wave of its calendar is opened and closed by the
tick of the releases; a few people claim from the first and the last wave of each batch, pay at a
till, refund and cancel; then everything expires and the campaign ends by itself. What was redeemed
is settled and paid, and the campaign is cleared, audited and closed: what is left of each funder's
money is returned or was never paid in. What the platform does not carry out yet is refused going
live, with that reason.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from campaigns.closing import close_blockers
from campaigns.definition.document import Definition
from campaigns.definition.writing import definition_scaled
from campaigns.errors import CampaignNotReadyError
from campaigns.models import Campaign
from campaigns.services.lifecycle import campaign_go_live
from campaigns.tasks import campaigns_end
from core.access.models import Role
from core.ledger.models import Account
from merchants.models import Terminal
from redemption.models import Redemption
from redemption.services.cancel import redemptions_cancel
from redemption.services.confirm import redemptions_confirm
from redemption.services.hold import redemptions_hold
from redemption.services.refund import redemptions_refund
from redemption.services.requests import PaymentRequest
from redemption.tasks import holds_sweep
from tests.campaigns.test_programmes import FOLDER, NOT_ISSUED_YET, built
from tests.factories.audiences import agreed, audience_make, documents, enrolled, list_made
from tests.factories.claims import claim_command
from tests.factories.merchants import (
    client_make,
    merchant_make,
    store_make,
    terminal_make,
)
from tests.factories.persons import enrolments_make
from tests.factories.redemption import (
    accepted,
    cancel_command,
    confirm_command,
    hold_command,
    refund_command,
)
from tests.factories.running import balances, campaign_approved, whitelist_in_force
from tests.factories.staff import staff_make
from tests.invariants.helpers import checks_failing
from tests.redemption.programme_close import Closing
from tests.support.moments import business_time_set
from vouchers.definition.model import BatchSpec
from vouchers.models import Batch, Enrolment, QuotaRelease, Voucher
from vouchers.rules.model import BatchRules
from vouchers.rules.use_hours import next_usable
from vouchers.services.claims import vouchers_claim
from vouchers.tasks import releases_tick, vouchers_sweep

pytestmark = pytest.mark.django_db
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
LATER = sorted(name for name, reason in NOT_ISSUED_YET.items() if reason != "养老助残")
"""What no list of people helps; Beijing's audience is made here."""
SMALLEST = 4
"""Units of the smallest wave."""
MINUTE = timedelta(minutes=1)
Use = tuple[BatchSpec, dict[str, Any]]
"""What is paid with: a batch, and who pays, or with which voucher."""
OWN = ("AVAILABLE", "ALLOCATED", "RESERVED", "OUTSTANDING", "HELD", "EARMARKED")


def small(name: str) -> tuple[Definition, Fraction]:
    """Return a programme at a size that can be played, and its scale."""
    full = built(name)
    waves = [wave.units for spec in full.values["batches"] for wave in spec.releases]
    factor = min(Fraction(SMALLEST, min(waves)), Fraction(1))
    return definition_scaled(full, factor), factor


class Life:
    """One programme: its places, its people and what is to happen when."""

    def __init__(self, definition: Definition) -> None:
        """Take it live before it begins."""
        self.spec = definition.spec
        self.specs: dict[str, BatchSpec] = {one.code: one for one in definition.values["batches"]}
        self.now = self.spec.starts_at - timedelta(days=3)
        self._serial = count()
        self.agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self.due: dict[datetime, list[list[Use]]] = defaultdict(list)
        """What is to be paid with, by moment and batch."""
        self.region = self._place()
        self.client = client_make(region=self.spec.owner_region)
        self.members: list[Enrolment] = []
        business_time_set(self.now)
        self._audiences()
        self.tills = {code: self._till(spec.rules) for code, spec in self.specs.items()}
        self.campaign = campaign_approved(definition.document(), now=self.now)
        stores = {till.store_id: till.store for till in self.tills.values()}
        whitelist_in_force(self.campaign, list(stores.values()), now=self.now)
        maker = staff_make(Role.CAMPAIGN_MAKER, region=self.spec.owner_region)
        campaign_go_live(campaign_id=self.campaign.pk, actor=maker, now=self.now)
        self.batches = {one.code: one for one in Batch.objects.filter(campaign=self.campaign)}

    def play(self) -> None:
        """Go through the calendar and whatever comes of it."""
        moments = {self.spec.starts_at, self.spec.ends_at, self.spec.ends_at + timedelta(hours=2)}
        for spec in self.specs.values():
            for wave in spec.releases:
                moments |= {wave.slot, wave.closes_at or wave.slot}
                moments.add(wave.fall_back_at or wave.slot)
            if spec.releases:
                first, last = spec.releases[0], spec.releases[-1]
                self._at(first.slot + MINUTE, partial(self._meet, spec, 2))
                if last.slot > first.slot:
                    self._at(last.slot + MINUTE, partial(self._meet, spec, 1))
        for moment in moments:
            self._at(moment, self._tick)
        while self.agenda:
            self.now, _number, happens = heapq.heappop(self.agenda)
            business_time_set(self.now)
            happens()

    def _at(self, moment: datetime, happens: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (moment, next(self._serial), happens))

    def _tick(self) -> None:
        """Do what the platform does by itself."""
        releases_tick()
        if self.now >= self.spec.ends_at:
            campaigns_end()
            releases_tick()
            holds_sweep()
            while QuotaRelease.objects.filter(state="CLOSED", proved_at=None).exists():
                vouchers_sweep()
            vouchers_sweep()

    def _meet(self, spec: BatchSpec, people: int) -> None:
        """Let new people claim, then pay with what they got; instant discounts need no claim."""
        if spec.rules.audience:
            persons = [self.members.pop() for _person in range(people)]
        else:
            persons = enrolments_make(self.client, people, region=self.spec.owner_region)
        if spec.rules.issuing == "PAYMENT":
            self._plan(self.now, [(spec, {"person_id": person.pk}) for person in persons])
        else:
            self._claim(spec, persons)

    def _claim(self, spec: BatchSpec, persons: Sequence[Enrolment]) -> None:
        commands = [
            claim_command(self.batches[spec.code], person, at=self.now, region_code=self.region)
            for person in persons
        ]
        outcomes = vouchers_claim(commands=commands)
        assert [one.refusals for one in outcomes] == [()] * len(persons)
        claims = [outcome.claim for outcome in outcomes if outcome.claim]
        ids = [one.voucher_id for claim in claims for one in claim.vouchers]
        vouchers = list(Voucher.objects.filter(pk__in=ids).order_by("pk"))
        chosen = [vouchers[0], vouchers[-1]] if len(persons) > 1 else vouchers[:1]
        specs = {batch.pk: self.specs[code] for code, batch in self.batches.items()}
        uses = [(specs[one.batch_id], {"voucher_ids": (one.pk,)}) for one in chosen]
        opens = [
            next_usable(
                specs[one.batch_id].rules.use.hours,
                max(one.valid_from, self.now + MINUTE),
                one.valid_until,
            )
            for one in chosen
        ]
        self._plan(max(moment for moment in opens if moment), uses)

    def _plan(self, moment: datetime, uses: list[Use]) -> None:
        if moment not in self.due:
            self._at(moment, self._pay)
        self.due[moment].append(uses)

    def _pay(self) -> None:
        """Pay with what is due; of two, half of one order comes back and the other is undone."""
        due = self.due.pop(self.now)
        holds = [hold_command(self._payment(spec, who)) for uses in due for spec, who in uses]
        paid = accepted(redemptions_hold(commands=holds))
        confirms = [confirm_command(one, at=self.now) for one in paid]
        accepted(redemptions_confirm(commands=confirms))
        of_batch = iter(paid)
        pairs = [[next(of_batch) for _use in uses] for uses in due]
        halves = [
            refund_command(pair[0], Redemption.objects.get(pk=pair[0]).order_fen // 2, at=self.now)
            for pair in pairs
            if len(pair) > 1
        ]
        undone = [cancel_command(pair[1], at=self.now) for pair in pairs if len(pair) > 1]
        accepted([*redemptions_refund(commands=halves), *redemptions_cancel(commands=undone)])

    def _payment(self, spec: BatchSpec, who: dict[str, Any]) -> PaymentRequest:
        use, till = spec.rules.use, self.tills[spec.code]
        return PaymentRequest(
            client_id=self.client.pk,
            at=self.now,
            store_no=till.store.store_no,
            terminal_no=till.terminal_no,
            order_fen=max(spec.rules.benefit.threshold_fen, spec.face_fen + 1),
            flow=use.flows[0] if use.flows else "MERCHANT_SCANS",
            card_bin=f"{use.card_bins[0] if use.card_bins else '62'}2848",
            region_code=self.region,
            **who,
        )

    def _place(self) -> str:
        """Return where people and stores are: where every batch may be used."""
        narrower = {region for one in self.specs.values() for region in one.rules.use.regions}
        return min(narrower, default=self.spec.regions[0])

    def _till(self, rules: BatchRules) -> Terminal:
        """Return a tested till of a store where a batch may be used."""
        industry = rules.use.industries[0] if rules.use.industries else "CATERING"
        merchant = merchant_make(region=self.spec.owner_region, industry=industry)
        return terminal_make(store_make(merchant, region=self.region))

    def _audiences(self) -> None:
        """Register the audiences that batches are for, with a list of a few people in force."""
        for rule in {one.rules.audience for one in self.specs.values() if one.rules.audience}:
            audience = audience_make(rule.code, rule.name, region=self.spec.owner_region)
            self.members = enrolled(self.client, range(1, 9), now=self.now)
            agreed(list_made(audience, documents(*range(1, 9)), now=self.now), now=self.now)


def funders_money(campaign: Campaign) -> dict[UUID, tuple[int, int]]:
    """Return per funder what he promised, and what of it is with him or was given."""
    quota = dict(campaign.fundings.values_list("funder_id", "quota_fen"))
    there = dict.fromkeys(quota, 0)
    for kind, funder_id, fen in Account.objects.filter(campaign_id=campaign.pk).values_list(
        "kind", "funder_id", "balance_fen"
    ):
        if kind in OWN:
            there[funder_id] += fen
    for redemption in Redemption.objects.filter(campaign=campaign):
        for step in redemption.steps.filter(kind__in=["CONFIRM", "REFUND", "CANCEL"]):
            sign = 1 if step.kind == "CONFIRM" else -1
            for funder_id, fen in zip(step.funder_ids, step.parts, strict=True):
                there[funder_id] += sign * fen
    return {funder_id: (fen, there[funder_id]) for funder_id, fen in quota.items()}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LATER])
def test_a_programme_lives_from_its_draft_to_its_close(name: str) -> None:
    definition, factor = small(name)
    life = Life(definition)
    life.play()
    life.campaign.refresh_from_db()
    assert life.campaign.state == "ENDED"
    for spec in built(name).values["batches"]:
        waves = QuotaRelease.objects.filter(batch=life.batches[spec.code])
        units = list(waves.values_list("planned_units", "rolled_units", "opened_units"))
        planned = sum(one for one, _rolled, _opened in units)
        assert planned == (int(spec.units * factor) if spec.releases else 0), spec.code
        assert all(opened == one + rolled for one, rolled, opened in units), spec.code
        rolls = spec.rules.leftover == "NEXT_WAVE"
        assert rolls == any(rolled for _one, rolled, _opened in units), spec.code
        assert set(waves.values_list("state", flat=True)) <= {"CLOSED"}
    states = set(Voucher.objects.values_list("state", flat=True))
    assert states == {"REDEEMED", "EXPIRED"}
    assert all(promised == there for promised, there in funders_money(life.campaign).values())
    assert [blocker for blocker, _reason in close_blockers(life.campaign.pk)] == ["应付补贴款"]
    closing = Closing(life.campaign, life.now)
    closing.play()
    assert closing.states == ["ENDED", "CLEARING", "AUDITED", "CLOSED"]
    assert_accounts(closing)
    assert checks_failing() == {}


def assert_accounts(closing: Closing) -> None:
    """Prove that the books are empty, and where every fen of every funder went."""
    redeemed, paid = closing.redeemed(), closing.paid()
    received, repaid = closing.moved("RECEIVED"), closing.moved("ADVANCE_REPAID")
    returned, cancelled = closing.moved("LEFTOVER_RETURNED"), closing.cancelled()
    assert min(redeemed.values()) > 0
    for funder_id, mode in closing.modes.items():
        approved, net = closing.quota[funder_id], redeemed[funder_id]
        none: dict[UUID, int] = {}
        spent = {"PREFUNDED": paid, "MERCHANT_CONCESSION": none}.get(mode, repaid)
        assert approved == net + returned.get(funder_id, 0) + cancelled.get(funder_id, 0)
        if mode == "MERCHANT_CONCESSION":
            assert funder_id not in paid | received | returned
            continue
        assert (paid[funder_id], spent[funder_id]) == (net, net)
        assert received[funder_id] == net + returned.get(funder_id, 0)
        assert cancelled.get(funder_id, 0) == approved - received[funder_id]
        assert (mode == "PREFUNDED" and net < approved) == (funder_id in returned)
    assert balances(closing.campaign) == {}


@pytest.mark.parametrize("name", LATER)
def test_a_programme_that_is_not_issued_yet_does_not_go_live(name: str) -> None:
    definition, _factor = small(name)
    region, now = definition.spec.owner_region, definition.spec.starts_at - timedelta(days=3)
    campaign = campaign_approved(definition.document(), now=now)
    with pytest.raises(CampaignNotReadyError) as caught:
        campaign_go_live(
            campaign_id=campaign.pk, actor=staff_make(Role.CAMPAIGN_MAKER, region=region), now=now
        )
    reasons = {param.reason.split("“")[1][:4] for param in caught.value.invalid_params}
    assert reasons == {NOT_ISSUED_YET[name]}
    campaign.refresh_from_db()
    assert campaign.state == "APPROVED"
