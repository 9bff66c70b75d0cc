"""A machine that claims, holds, confirms, times out, cancels, refunds and expires at will.

Beside the platform runs a model that knows only the rules of architecture.md, States and
domain-rules §6. Every answer must be the model's, every stored state too, and the books must be
sound after every example.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from core.clock import business_date
from core.embedded.record import ServiceUrls
from core.money import div_half_up
from redemption.models import Redemption
from redemption.rules.deadlines import cancellable_until
from redemption.services.cancel import redemptions_cancel
from redemption.services.confirm import redemptions_confirm
from redemption.services.facts import StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.refund import redemptions_refund
from redemption.services.unhold import redemptions_release, redemptions_time_out
from tests.factories.campaigns import OPENED_AT, BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    Shop,
    cancel_command,
    confirm_command,
    hold_command,
    refund_command,
    release_command,
    shop_make,
)
from tests.invariants.helpers import assert_sound
from tests.redemption.test_hold_confirm import FREE
from tests.support.moments import business_time_set
from vouchers.models import Voucher
from vouchers.services.expiry import GRACE, vouchers_expire

TILL_S = 120
STEPS_OF_TIME = [
    timedelta(seconds=1),
    timedelta(seconds=119),
    timedelta(seconds=120),
    timedelta(hours=5),
    timedelta(hours=30),
]
BATCHES = [
    BatchPlan(limits=(), rules=FREE),
    # Parts 467/163/70 and the like: nothing divides evenly.
    BatchPlan(face_fen=701, threshold_fen=1_499, limits=(), rules=FREE),
]


@dataclass
class Paper:
    """The model's voucher."""

    face_fen: int
    until: datetime
    state: str = "ACTIVE"
    payment: UUID | None = None


@dataclass
class Payment:
    """The model's redemption."""

    voucher: UUID
    order_fen: int
    expires: datetime
    state: str = "HELD"
    confirmed_at: datetime | None = None
    refunds: list[int] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        """What of the order was refunded."""
        return sum(self.refunds)


class Machine(RuleBasedStateMachine):
    """Rules are the ways in; `_expect` compares an answer with the model's."""

    vouchers = Bundle("vouchers")
    payments = Bundle("payments")
    commands = Bundle("commands")
    reached = OPENED_AT
    """Business time never goes back, nor does it between two examples in one database."""

    @initialize()
    def open(self) -> None:
        """Open a campaign of its own for the example; time goes on from the last one."""
        opens = Machine.reached
        self.now = opens + timedelta(hours=1)
        self.ends = opens + timedelta(days=20)
        business_time_set(self.now)
        self.shop: Shop = shop_make(
            batches=BATCHES, starts_at=opens, opened_at=opens, ends_at=self.ends
        )
        self.paper: dict[UUID, Paper] = {}
        self.paid: dict[UUID, Payment] = {}

    # -- ways in -----------------------------------------------------------------------------

    @rule(target=vouchers, tier=st.integers(0, 1), count=st.integers(1, 2))
    def claim(self, tier: int, count: int) -> Any:
        """Claim from a batch while the campaign runs."""
        if self.now >= self.ends:
            return multiple()
        issued = vouchers_issued(self.shop.live.batches[tier], count, at=self.now)
        for voucher in issued:
            self.paper[voucher.pk] = Paper(voucher.face_fen, voucher.valid_until)
        return multiple(*(voucher.pk for voucher in issued))

    @rule(targets=(payments,), voucher=vouchers, more=st.integers(0, 7_001))
    def hold(self, voucher: UUID, more: int) -> Any:
        """Hold a voucher for an order at or above its threshold."""
        paper = self.paper[voucher]
        order_fen = (10_000 if paper.face_fen == 3_000 else 1_499) + more
        stale = self.paid[paper.payment] if paper.payment else None
        if stale and stale.state == "HELD" and stale.expires <= self.now:
            self._unhold(stale, "TIMED_OUT")
        command = hold_command(
            self.shop.payment(
                voucher=Voucher.objects.get(pk=voucher), at=self.now, order_fen=order_fen
            )
        )
        (outcome,) = redemptions_hold(commands=[command])
        self._expect(outcome, allowed=paper.state == "ACTIVE" and self.now < paper.until)
        if outcome.fact is None:
            return multiple()
        redemption_id = outcome.fact.redemption_id
        paper.state, paper.payment = "HELD", redemption_id
        expires = self.now + timedelta(seconds=TILL_S)
        self.paid[redemption_id] = Payment(voucher, order_fen, expires)
        return redemption_id

    @rule(target=commands, payment=payments)
    def confirm(self, payment: UUID) -> Any:
        """Confirm, in time or late."""
        paid = self.paid[payment]
        paper = self.paper[paid.voucher]
        command = confirm_command(payment, at=self.now)
        (outcome,) = redemptions_confirm(commands=[command])
        late = paid.state == "TIMED_OUT" and paper.state == "ACTIVE"
        self._expect(outcome, allowed=paid.state == "HELD" or late)
        if outcome.fact is None:
            return multiple()
        paid.state, paid.confirmed_at = "CONFIRMED", self.now
        paper.state, paper.payment = "REDEEMED", payment
        return redemptions_confirm, command, outcome

    @rule(target=commands, payment=payments)
    def release(self, payment: UUID) -> Any:
        """Give a hold back."""
        paid = self.paid[payment]
        command = release_command(payment, at=self.now)
        (outcome,) = redemptions_release(commands=[command])
        self._expect(outcome, allowed=paid.state == "HELD")
        if outcome.fact is None:
            return multiple()
        self._unhold(paid, "RELEASED")
        return redemptions_release, command, outcome

    @rule(target=commands, payment=payments)
    def cancel(self, payment: UUID) -> Any:
        """Undo a payment."""
        paid = self.paid[payment]
        in_time = paid.confirmed_at is not None and self.now < cancellable_until(
            business_date(paid.confirmed_at), self.shop.terminal.acquirer.cutoff
        )
        command = cancel_command(payment, at=self.now)
        (outcome,) = redemptions_cancel(commands=[command])
        self._expect(outcome, allowed=paid.state == "CONFIRMED" and not paid.refunds and in_time)
        if outcome.fact is None:
            return multiple()
        paid.state = "CANCELLED"
        self._give_back(paid)
        return redemptions_cancel, command, outcome

    @rule(target=commands, payment=payments, share=st.integers(1, 105))
    def refund(self, payment: UUID, share: int) -> Any:
        """Refund a share (in %) of the order; a little more than all of it, too."""
        paid = self.paid[payment]
        fen = max(1, paid.order_fen * share // 100)
        if share == 100:
            fen = max(1, paid.order_fen - paid.refunded)
        allowed = paid.state == "CONFIRMED" and fen <= paid.order_fen - paid.refunded
        command = refund_command(payment, fen, at=self.now)
        (outcome,) = redemptions_refund(commands=[command])
        self._expect(outcome, allowed=allowed)
        if outcome.fact is None:
            return multiple()
        paper = self.paper[paid.voucher]
        before, after = paid.refunded, paid.refunded + fen
        due = [
            div_half_up(total * (paid.order_fen - paper.face_fen), paid.order_fen)
            for total in (before, after)
        ]
        assert outcome.fact.payer_fen == due[1] - due[0]
        assert outcome.fact.subsidy_fen == fen - outcome.fact.payer_fen
        whole = not paid.refunds and fen == paid.order_fen
        paid.refunds.append(fen)
        if whole:
            self._give_back(paid)
        return redemptions_refund, command, outcome

    @rule(said=commands)
    def repeat(self, said: Any) -> None:
        """Say something again: the first answer, and nothing happens."""
        service, command, outcome = said
        (again,) = service(commands=[command])
        assert (again.outcome, again.fact) == ("REPLAY", outcome.fact)

    # -- time --------------------------------------------------------------------------------

    @rule(step=st.sampled_from(STEPS_OF_TIME))
    def wait(self, step: timedelta) -> None:
        """Let time pass."""
        self.now += step
        business_time_set(self.now)

    @rule()
    def sweep(self) -> None:
        """Time out old holds, then expire vouchers."""
        redemptions_time_out(now=self.now)
        for paid in self.paid.values():
            if paid.state == "HELD" and paid.expires <= self.now:
                self._unhold(paid, "TIMED_OUT")
        vouchers_expire(now=self.now)
        for paper in self.paper.values():
            if paper.state == "ACTIVE" and paper.until <= self.now - GRACE:
                paper.state = "EXPIRED"

    def teardown(self) -> None:
        """Compare every state and every book."""
        if not hasattr(self, "shop"):
            return
        Machine.reached = self.now
        self.sweep()
        stored = dict(Voucher.objects.filter(pk__in=self.paper).values_list("pk", "state"))
        assert stored == {pk: paper.state for pk, paper in self.paper.items()}
        found = Redemption.objects.filter(pk__in=self.paid)
        assert {one.pk: (one.state, one.refunded_order_fen) for one in found} == {
            pk: (paid.state, paid.refunded) for pk, paid in self.paid.items()
        }
        assert_sound()

    # -- the model ---------------------------------------------------------------------------

    def _expect(self, outcome: StepOutcome, *, allowed: bool) -> None:
        expected = "ACCEPTED" if allowed else "REFUSED"
        assert outcome.outcome == expected, outcome.refusals

    def _unhold(self, paid: Payment, state: str) -> None:
        paid.state = state
        self.paper[paid.voucher].state = "ACTIVE"

    def _give_back(self, paid: Payment) -> None:
        paper = self.paper[paid.voucher]
        paper.state = "ACTIVE" if self.now < paper.until else "EXPIRED"


@pytest.mark.slow
def test_any_course_of_events_leaves_sound_books(own_database: ServiceUrls) -> None:
    Machine.reached = OPENED_AT
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
