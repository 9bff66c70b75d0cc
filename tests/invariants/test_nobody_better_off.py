"""The same through the services: who has what is read off the ledger after every step."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Funder, Funding
from core.ledger.models import Account
from redemption.models import Redemption
from redemption.services.cancel import redemptions_cancel
from redemption.services.confirm import redemptions_confirm
from redemption.services.earmarks import earmarks_return
from redemption.services.facts import StepFact, StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.refund import redemptions_refund
from tests.factories.campaigns import BatchPlan, FunderPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    cancel_command,
    confirm_command,
    hold_command,
    refund_command,
    shop_make,
)
from tests.invariants.helpers import checks_failing
from tests.redemption.money_parties import Sale, assert_nobody_better_off
from tests.redemption.test_nobody_better_off import (
    POLICIES,
    PURCHASES,
    SKU,
    STEP,
    Purchase,
    Step,
)
from vouchers.models import Batch, Voucher
from vouchers.rules.model import RefundPolicy, rules_read
from vouchers.services.expiry import vouchers_expire

pytestmark = pytest.mark.django_db
FACE = 701
"""Divides by none of the weights."""
CONCESSION = Funding.Mode.MERCHANT_CONCESSION
ADVANCE = Funding.Mode.OPERATOR_ADVANCE
FUNDERS = (
    FunderPlan("自治区财政", 142),
    FunderPlan("商户让利", 80, CONCESSION, Funder.Level.MERCHANT),
    FunderPlan("银行", 58, ADVANCE, Funder.Level.BANK),
    FunderPlan("市财政", 7, level=Funder.Level.CITY),
    FunderPlan("平台", 3, ADVANCE, Funder.Level.PLATFORM),
)
OWN = ("ALLOCATED", "RESERVED", "OUTSTANDING", "HELD", "EARMARKED")
SWEPT_AT = AT + timedelta(days=30)
TIERS = [{"from_fen": 900, "subsidy_fen": 333}, {"from_fen": 3_500, "subsidy_fen": FACE}]
BENEFITS: dict[str, tuple[dict[str, Any], int]] = {
    "THRESHOLD": ({"threshold_fen": 1_499}, 2),
    "NO_THRESHOLD": ({}, 3),
    "PERCENTAGE": ({"rate_bp": 1_300, "threshold_fen": 1_000}, 4),
    "TIERS": ({"tiers": TIERS}, 5),
    "EXCHANGE": ({"sku": SKU, "name": "五常大米"}, 4),
    "RANDOM": ({"min_fen": 100, "threshold_fen": 1_499}, 3),
}
"""With how many funders."""


class Books:
    """What the ledger says that a batch's funders gave to merchants, and keep for vouchers."""

    def __init__(self, shop: Shop, batch: Batch) -> None:
        """Remember where the books are; every amount is since then."""
        self.campaign_id, self.batch = shop.live.campaign.pk, batch
        self.before = self._balances()

    def given(self) -> list[int]:
        """Return what each funder gave: owed to the payee, less what is left of a concession."""
        owed, left = self._moved("PAYABLE"), self._moved("CONCESSION")
        return [payable - concession for payable, concession in zip(owed, left, strict=True)]

    def kept(self) -> list[int]:
        """Return what came into the batch's own accounts, for vouchers now and later."""
        return self._moved(*OWN, unit=self.batch.pk)

    def _moved(self, *kinds: str, unit: UUID | None = None) -> list[int]:
        moved = dict.fromkeys(self.batch.funder_ids, 0)
        for sign, balances in ((1, self._balances()), (-1, self.before)):
            for kind, funder_id, unit_id, fen in balances:
                if kind in kinds and unit in {None, unit_id}:
                    moved[funder_id] += sign * fen
        return list(moved.values())

    def _balances(self) -> list[tuple[str, UUID, UUID, int]]:
        rows = Account.objects.filter(campaign_id=self.campaign_id)
        return list(rows.values_list("kind", "funder_id", "unit_id", "balance_fen"))


class Life:
    """A voucher through the services, until it is gone; the sales are told by the ledger."""

    def __init__(self, shop: Shop, batch: Batch, policy: RefundPolicy) -> None:
        """Claim a voucher."""
        self.shop, self.policy = shop, policy
        (self.voucher,) = vouchers_issued(batch)
        self.books = Books(shop, batch)
        self.now: datetime = AT
        self.sales: list[Sale] = []
        self.redemption_id: UUID | None = None

    def buy(self, wanted: Purchase) -> None:
        """Hold and confirm, with an order that any of the benefits lets pass."""
        order_fen = 2 * 1_499 + wanted.more_fen
        discount = order_fen * (wanted.discount % 300) // 1_000
        payment = self.shop.payment(
            voucher=self.voucher,
            at=self.now,
            order_fen=order_fen,
            other_discount_fen=discount,
            bank_discount_fen=discount * wanted.of_bank // 1_000,
            items=wanted.items(order_fen),
        )
        before = self.books.given()
        (self.redemption_id,) = accepted(redemptions_hold(commands=[hold_command(payment)]))
        accepted(redemptions_confirm(commands=[confirm_command(self.redemption_id, at=self.now)]))
        paid = Redemption.objects.get(pk=self.redemption_id)
        parts = self._gave(before)
        assert sum(parts) == paid.subsidy_fen
        assert paid.payable_fen + paid.subsidy_fen + discount == order_fen
        self.sales.append(Sale(order_fen, paid.payable_fen, tuple(parts), self.policy))

    def take(self, step: Step, wanted: Purchase) -> None:
        """Do what a step asks for; a refusal leaves the ledger alone."""
        self.now = max(self.now, self.voucher.valid_until) if step.late else self.now
        self.now += timedelta(minutes=1)
        state = Voucher.objects.get(pk=self.voucher.pk).state
        if state == "ACTIVE" and self.now < self.voucher.valid_until:
            self.buy(wanted)
        elif state != "REDEEMED":
            return
        before, sale = self.books.given(), self.sales[-1]
        outcome = self._ask(step, sale)
        if outcome is None or outcome.fact is None:
            assert self.books.given() == before
            return
        fact: StepFact = outcome.fact
        back = [-fen for fen in self._gave(before)]
        assert [part.amount_fen for part in fact.funders] == back
        sale.cancelled = fact.kind == "CANCEL"
        sale.take_back(fact.order_fen, fact.payer_fen, back)

    def assert_right(self) -> None:
        """Nobody is better off, and what funders did not give is theirs, for other vouchers."""
        assert_nobody_better_off(self.sales, self.voucher.parts)
        assert self.books.kept() == [-fen for fen in self.books.given()]

    def _ask(self, step: Step, sale: Sale) -> StepOutcome | None:
        assert self.redemption_id is not None
        if step.does == "CANCEL":
            command = cancel_command(self.redemption_id, at=self.now)
            return redemptions_cancel(commands=[command])[0]
        left = sale.order_fen - sale.returned_fen
        part = max(1, sale.order_fen * step.share // 1_000)
        asked = min(part, left) if step.does == "PART" else left
        if not asked:
            return None
        refund = refund_command(self.redemption_id, asked, at=self.now)
        return redemptions_refund(commands=[refund])[0]

    def _gave(self, before: list[int]) -> list[int]:
        return [new - old for new, old in zip(self.books.given(), before, strict=True)]


@pytest.mark.parametrize("kind", BENEFITS)
def test_no_course_of_events_leaves_anybody_better_off_in_the_books(kind: str) -> None:
    fields, funders = BENEFITS[kind]
    frozen = {"benefit": {"type": kind, **fields}, "validity": {"mode": "HOURS"}, "limits": []}
    benefit = rules_read(frozen).benefit
    shop = shop_make(
        funders=FUNDERS[:funders],
        batches=[
            BatchPlan(
                face_fen=FACE,
                benefit=benefit,
                limits=(),
                rules={"realname": False, "refund_policy": policy},
            )
            for policy in POLICIES
        ],
    )

    played: dict[str, int] = dict.fromkeys(POLICIES, 0)

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=4,  # the simplest, everything returned each time, and some at random
        suppress_health_check=list(HealthCheck),
    )
    @given(purchases=PURCHASES, steps=st.lists(STEP, min_size=4, max_size=12))
    def play(policy: RefundPolicy, purchases: list[Purchase], steps: list[Step]) -> None:
        life = Life(shop, shop.live.batches[POLICIES.index(policy)], policy)
        for number, step in enumerate(steps):
            life.take(step, purchases[number % len(purchases)])
        life.assert_right()
        played[policy] += len(life.sales)

    for policy in POLICIES:
        play(policy)
    assert min(played.values()) >= 2
    assert played["PRO_RATA_KEEP_USED"] > 2 < played["OWN_MONEY_FIRST"]  # used again
    earmarks_return(now=SWEPT_AT)
    vouchers_expire(now=SWEPT_AT)
    left = Account.objects.filter(campaign_id=shop.live.campaign.pk, balance_fen__gt=0)
    assert not left.filter(kind__in=["OUTSTANDING", "HELD", "EARMARKED"]).exists()
    assert checks_failing() == {}
