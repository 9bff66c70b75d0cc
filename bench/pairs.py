"""Hold and confirm in pairs, with every ledger row: over HTTP beside claims, and as services.

``--only http`` or ``--only service`` measures one of the two.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from bench import claims
from bench.load import LoadPlan, post_request
from bench.service_pairs import CITY, GROUPS, ORDER_FEN, ORM, SERVICE, service_pairs
from bench.world import CHANNEL, ONE_KEY, BenchWorld, world_make
from config.cli.screen import say, step
from core import clock
from core.access.models import Client
from core.embedded.supervisor import Supervisor
from core.ids import from_public, to_public
from merchants.models import Terminal
from vouchers.models import Batch
from vouchers.services.claim_commands import ClaimCommand
from vouchers.services.claims import vouchers_claim

PEOPLE = 60_000
GROUP = 256
PAIRS_PER_S = 6_000
"""More than all ways of paying together use up in a second of a round each."""
Played = tuple[dict[str, Any], dict[str, float]]
"""Figures, and the ratios they give."""
Level = Callable[[argparse.Namespace, BenchWorld, Iterator[Batch]], Played]


def bench_pairs(options: argparse.Namespace) -> dict[str, Any]:
    """Play both levels, or the one that ``--only`` names."""
    levels = [name for name in LEVELS if options.only in name]
    batches = sum(LEVELS[name][0](options) for name in levels)
    step(f"a campaign with {batches} batches, {PEOPLE} people")
    world = world_make(people=PEOPLE, units=PEOPLE, batches=batches, kinds=ONE_KEY)
    left = iter(world.batches)
    figures: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    for name in levels:
        step(f"pairs: {name}")
        figures[name], ratio = LEVELS[name][1](options, world, left)
        ratios |= ratio
    return {"figures": figures, "ratios": ratios}


def _service(options: argparse.Namespace, world: BenchWorld, left: Iterator[Batch]) -> Played:
    count = min(PEOPLE, round(PAIRS_PER_S * options.seconds * options.rounds))
    wallet = vouchers_of(world, next(left).pk, count)
    client = Client.objects.get(code=CHANNEL)
    found = service_pairs(wallet, client=client, seconds=options.seconds, rounds=options.rounds)
    ratios = {
        f"pairs_service{name.removeprefix('service')}_vs_orm": round(
            found[name]["pairs_per_s"] / found[ORM]["pairs_per_s"], 2
        )
        for name in GROUPS
    }
    return found, {"pairs_service_vs_orm": ratios.pop(f"pairs_{SERVICE}_vs_orm"), **ratios}


def _http(options: argparse.Namespace, world: BenchWorld, left: Iterator[Batch]) -> Played:
    """Play rounds of claims and of pairs in turn; a pair is two requests."""
    rounds = options.rounds
    played: dict[str, list[dict[str, Any]]] = {"claims": [], "pairs": []}
    with Supervisor(Path(options.home)) as supervisor:
        for number in range(rounds):
            wallet = vouchers_of(world, next(left).pk, PEOPLE // rounds)
            batch = to_public("bat", next(left).pk)
            with claims.served(supervisor, claims.FRONT) as port:
                warm = claims.requests_make(
                    world, claims.FRONT, batch, start=0, count=256, port=port
                )
                claims.load_play(LoadPlan(port, 32, options.seconds, warm))
                asked = claims.requests_make(
                    world, claims.FRONT, batch, start=256, count=PEOPLE - 256, port=port
                )
                played["claims"].append(
                    claims.load_play(LoadPlan(port, 256, options.seconds, asked))
                )
                holds = holds_make(world, wallet, port)
                # A plain text, since the generator knows no models.
                key = replace(world.key, algorithm=str(world.key.algorithm))
                plan = LoadPlan(port, 256, options.seconds, holds, confirms=key)
                played["pairs"].append(claims.load_play(plan))
            say(f"    round {number + 1}: {[one[-1]['per_s'] for one in played.values()]}")
    figures = {name: claims.summary(runs) for name, runs in played.items()}
    confirmed = median(one["statuses"].get("200", 0) / one["seconds"] for one in played["pairs"])
    figures["pairs"]["pairs_per_s"] = round(confirmed, 1)
    return figures, {"pairs_vs_claims": round(confirmed / figures["claims"]["per_s"], 3)}


LEVELS: dict[str, tuple[Callable[[argparse.Namespace], int], Level]] = {
    "service": (lambda _options: 1, _service),
    "http": (lambda options: 2 * options.rounds, _http),
}
"""How many batches each uses up, and how it is played."""


def vouchers_of(world: BenchWorld, batch_id: UUID, count: int) -> list[UUID]:
    """Let the first ``count`` people claim, through the service; their vouchers' ids."""
    client = Client.objects.get(code=CHANNEL)
    people = [from_public("per", text) for text in world.people[:count]]
    found: list[UUID] = []
    for start in range(0, count, GROUP):
        commands = [
            ClaimCommand(
                client_id=client.pk,
                idempotency_key=f"wallet-{str(batch_id)[-12:]}-{start + place:08d}",
                fingerprint="",
                enrolment_id=person,
                batch_id=batch_id,
                at=clock.now(),
                client_region=None,
            )
            for place, person in enumerate(people[start : start + GROUP])
            if person is not None
        ]
        outcomes = vouchers_claim(commands=commands)
        if any(outcome.claim is None for outcome in outcomes):
            sys.exit(f"no voucher to pay with: {outcomes[0].refusals}")
        found += [outcome.claim.vouchers[0].voucher_id for outcome in outcomes if outcome.claim]
    return found


def holds_make(world: BenchWorld, wallet: list[UUID], port: int) -> list[bytes]:
    """Return one hold per voucher, at the tills in turn."""
    tills = list(Terminal.objects.order_by("pk").values_list("store__store_no", "terminal_no"))
    return [
        post_request(
            world.key,
            "/api/v1/redemptions",
            {
                "voucher_ids": [voucher],
                "store_no": tills[number % len(tills)][0],
                "terminal_no": tills[number % len(tills)][1],
                "order_fen": ORDER_FEN,
                "flow": "CUSTOMER_SCANS",
                "card_bin": "622848",
                "location": {"region_code": CITY},
                "order_no": f"order-{voucher[-12:]}",
            },
            idempotency_key=f"hold-{voucher[-20:]}",
            port=port,
        )
        for number, voucher in enumerate(to_public("vch", pk) for pk in wallet)
    ]
