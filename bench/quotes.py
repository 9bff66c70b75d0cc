"""A quote on one thread, without HTTP: a wallet of 50 vouchers, a list of 25,200 stores.

Beside it, in turn: the same with one voucher, the same at a store that takes none of the fifty
(the nearest one that does is looked up), and a read of one row by its primary key.
"""

import time
from collections.abc import Callable
from itertools import count
from statistics import median
from typing import Any
from uuid import UUID

from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from bench.world import CHANNEL, ONE_KEY, BenchWorld, world_make
from config.cli.screen import say, step
from core import clock
from core.access.models import Client
from core.ids import from_public
from merchants.models import Store
from redemption.services.quote import redemptions_quote
from redemption.services.requests import PaymentRequest
from redemption.states import Flow
from vouchers.models import Voucher
from vouchers.services.claim_commands import ClaimCommand
from vouchers.services.claims import vouchers_claim

WALLET = 50
ORDER_FEN = 600
PEOPLE = 20
READ = "primary_key_read"
TAKING = "CATERING"
Till = tuple[str, str]


def bench_quotes(*, seconds: float, rounds: int) -> dict[str, Any]:
    """Return the figures, the statements of each way, and how many reads a quote is worth."""
    world = world_make(
        people=PEOPLE,
        units=PEOPLE,
        batches=WALLET,
        kinds=ONE_KEY,
        shops_scale=1,
        industries=(TAKING,),
    )
    client = Client.objects.get(code=CHANNEL)
    full, single = (_person(public_id) for public_id in world.people[:2])
    _claim(world, client, full, WALLET)
    _claim(world, client, single, 1)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    taking, other = _till(TAKING), _till("SUPERMARKET")
    held = Voucher.objects.filter(enrolment_id=full).values_list("pk", flat=True)[0]
    ways: dict[str, Callable[[], object]] = {
        READ: lambda: Voucher.objects.get(pk=held),
        "wallet_of_1": lambda: _quote(client, single, taking, usable=1),
        "wallet_of_50": lambda: _quote(client, full, taking, usable=WALLET),
        "wallet_of_50_elsewhere": lambda: _quote(client, full, other, usable=0),
    }
    statements = {name: _statements(way) for name, way in ways.items()}
    stores = Store.objects.count()
    step(f"{stores} stores; statements: {statements}")
    played: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            played[name].append(_rate(way, seconds))
    rates = {name: median(found) for name, found in played.items()}
    for name, rate in rates.items():
        say(f"    {name:<24} {rate:>9.1f} /s")
    return {
        "stores": stores,
        "figures": {"per_s": rates, "rounds": played, "statements": statements},
        "ratios": {name: round(rates[READ] / rate, 1) for name, rate in rates.items()},
    }


def _person(public_id: str) -> UUID:
    found = from_public("per", public_id)
    if found is None:
        raise SystemExit(f"no person: {public_id}")
    return found


def _claim(world: BenchWorld, client: Client, person: UUID, vouchers: int) -> None:
    commands = [
        ClaimCommand(
            client_id=client.pk,
            idempotency_key=f"bench-quote-{number}-{person}"[:64],
            fingerprint="",
            enrolment_id=person,
            batch_id=batch.pk,
            at=clock.now(),
            client_region=None,
        )
        for number, batch in zip(range(vouchers), world.batches, strict=False)
    ]
    refused = [one.refusals for one in vouchers_claim(commands=commands) if one.claim is None]
    if refused:
        raise SystemExit(f"refused: {refused[0]}")


def _till(industry: str) -> Till:
    rows = Store.objects.filter(merchant__industry=industry).order_by("pk")
    store_no, terminal_no = rows.values_list("store_no", "terminals__terminal_no")[0]
    return store_no, terminal_no


def _quote(client: Client, person: UUID, till: Till, *, usable: int) -> None:
    payment = PaymentRequest(
        client_id=client.pk,
        at=clock.now(),
        store_no=till[0],
        terminal_no=till[1],
        order_fen=ORDER_FEN,
        flow=Flow.CUSTOMER_SCANS,
        card_bin="622848",
        region_code="450100",
        person_id=person,
    )
    (outcome,) = redemptions_quote(payments=[payment])
    if outcome.quote is None or len(outcome.quote.usable) != usable:
        raise SystemExit(f"not the quote that was meant: {outcome}"[:2_000])


def _statements(way: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as found:
        way()
    return len(found)


def _rate(way: Callable[[], object], seconds: float) -> float:
    started = time.perf_counter()
    for done in count():
        took = time.perf_counter() - started
        if took > seconds:
            return round(done / took, 1)
        way()
    raise AssertionError("the count goes on")
