"""Hold and confirm on one thread, without HTTP: the services in groups beside plain Django.

Both take the same commands, one voucher and one order each, and write the same rows. A call is
one transaction: of a group for the services, of one payment for plain Django (`bench.orm_pairs`).
Making the commands counts for both.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from statistics import median
from typing import Any
from uuid import UUID

from django.db import connections

from bench import orm_pairs
from config.cli.screen import say
from core import clock
from core.access.models import Client
from merchants.models import Terminal
from redemption.models import Redemption
from redemption.services.confirm import redemptions_confirm
from redemption.services.hold import redemptions_hold
from redemption.services.requests import ConfirmCommand, HoldCommand, PaymentRequest
from redemption.states import Flow, RedemptionState

ORM, SERVICE = "orm", "service_64"
GROUPS = {"service_64": 64, "service_256": 256, "service_1": 1}
ORDER_FEN = 600
CITY = "450100"


@dataclass(frozen=True, slots=True)
class Payments:
    """Makes the commands: who asks, and the tills in turn."""

    client_id: UUID
    tills: tuple[tuple[str, str], ...]

    def hold(self, place: int, voucher_id: UUID) -> HoldCommand:
        """Return the hold of one voucher at one till."""
        store_no, terminal_no = self.tills[place % len(self.tills)]
        return HoldCommand(
            payment=PaymentRequest(
                client_id=self.client_id,
                at=clock.now(),
                store_no=store_no,
                terminal_no=terminal_no,
                order_fen=ORDER_FEN,
                flow=Flow.CUSTOMER_SCANS,
                card_bin="622848",
                region_code=CITY,
                voucher_ids=(voucher_id,),
            ),
            idempotency_key=f"hold-{voucher_id}",
            fingerprint="",
            order_no=f"order-{voucher_id}",
        )

    def confirm(self, redemption_id: UUID, payable_fen: int) -> ConfirmCommand:
        """Return the confirm of a hold."""
        at = clock.now()
        return ConfirmCommand(
            client_id=self.client_id,
            idempotency_key=f"confirm-{redemption_id}",
            fingerprint="",
            at=at,
            redemption_id=redemption_id,
            paid_fen=payable_fen,
            channel_trade_no=f"t-{redemption_id}",
            paid_at=at,
        )


Pay = Callable[[Payments, Sequence[tuple[int, UUID]]], None]


def service_pay(payments: Payments, vouchers: Sequence[tuple[int, UUID]]) -> None:
    """Hold a group of vouchers in one call and confirm it in the next."""
    held = redemptions_hold(commands=[payments.hold(*one) for one in vouchers])
    facts = [outcome.fact for outcome in held if outcome.fact]
    done = redemptions_confirm(
        commands=[payments.confirm(fact.redemption_id, fact.payer_fen) for fact in facts]
    )
    if [outcome.outcome for outcome in (*held, *done)] != ["ACCEPTED"] * 2 * len(vouchers):
        raise SystemExit(f"refused: {held[0].refusals} {done[:1]}")


def orm_pay(payments: Payments, vouchers: Sequence[tuple[int, UUID]]) -> None:
    """Hold and confirm vouchers one after the other."""
    for one in vouchers:
        held = orm_pairs.hold(payments.hold(*one))
        orm_pairs.confirm(payments.confirm(held.pk, held.payable_fen))


def service_pairs(
    wallet: Sequence[UUID], *, client: Client, seconds: float, rounds: int
) -> dict[str, dict[str, Any]]:
    """Play ``rounds`` rounds of every way in turn; medians, with every round beside them.

    Each payment uses up a voucher of ``wallet``; a first short round of each way is not counted.
    """
    tills = Terminal.objects.order_by("pk").values_list("store__store_no", "terminal_no")
    payments = Payments(client.pk, tuple(tills))
    left = iter(enumerate(wallet))
    ways: dict[str, tuple[int, Pay]] = {name: (size, service_pay) for name, size in GROUPS.items()}
    ways[ORM] = (1, orm_pay)
    for size, pay in ways.values():
        _play(left, size, partial(pay, payments), seconds=0.5)
    played: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, (size, pay) in ways.items():
            played[name].append(_play(left, size, partial(pay, payments), seconds=seconds))
        rates = {name: runs[-1]["pairs_per_s"] for name, runs in played.items()}
        say(f"    round {number + 1}, pairs a second on one thread: {rates}")
    confirmed = Redemption.objects.filter(state=RedemptionState.CONFIRMED).count()
    used = next(left)[0]
    if confirmed != used:
        raise SystemExit(f"{used} vouchers used, {confirmed} confirmed")
    return {name: _summary(runs) for name, runs in played.items()}


def _play(
    left: Iterator[tuple[int, UUID]],
    size: int,
    pay: Callable[[Sequence[tuple[int, UUID]]], None],
    *,
    seconds: float,
) -> dict[str, Any]:
    # Tables that were empty a minute ago: the planner would know their sizes in operation, and
    # plain Django's queries depend on it.
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    pairs, cpu_s, started = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() < started + seconds:
        group = list(islice(left, size))
        if len(group) < size:
            raise SystemExit("too few vouchers for these rounds")
        pay(group)
        pairs += size
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
    return {
        "pairs": pairs,
        "seconds": round(took_s, 3),
        "pairs_per_s": round(pairs / took_s, 1),
        "python_cpu_us": round(cpu_s / pairs * 1e6),
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    rates = [one["pairs_per_s"] for one in runs]
    return {
        "pairs_per_s": median(rates),
        "spread_per_s": [min(rates), max(rates)],
        "python_cpu_us": median(one["python_cpu_us"] for one in runs),
        "rounds": runs,
    }
