"""Hold and confirm in pairs over HTTP, with every ledger row, beside claims of the same run."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from bench import claims
from bench.load import LoadPlan, post_request
from bench.world import CHANNEL, ONE_KEY, BenchWorld, world_make
from config.cli.screen import say, step
from core import clock
from core.access.models import Client
from core.embedded.supervisor import Supervisor
from core.ids import from_public, to_public
from merchants.models import Terminal
from vouchers.services.claims import ClaimCommand, vouchers_claim

PEOPLE = 60_000
GROUP = 256
ORDER_FEN = 600
CITY = "450100"


def bench_pairs(options: argparse.Namespace) -> dict[str, Any]:
    """Play rounds of claims and of pairs in turn; a pair is two requests."""
    rounds = options.rounds
    step(f"a campaign with {2 * rounds} batches, {PEOPLE} people")
    world = world_make(people=PEOPLE, units=PEOPLE, batches=2 * rounds, kinds=ONE_KEY)
    left = iter(world.batches)
    played: dict[str, list[dict[str, Any]]] = {"claims": [], "pairs": []}
    with Supervisor(Path(options.home)) as supervisor:
        for number in range(rounds):
            wallet = vouchers_of(world, to_public("bat", next(left).pk), PEOPLE // rounds)
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
    ratio = round(confirmed / figures["claims"]["per_s"], 3)
    return {"figures": figures, "ratios": {"pairs_vs_claims": ratio}}


def vouchers_of(world: BenchWorld, batch_id: str, count: int) -> list[str]:
    """Let the first ``count`` people claim, through the service; their vouchers' public ids."""
    client = Client.objects.get(code=CHANNEL)
    batch = from_public("bat", batch_id)
    people = [from_public("per", text) for text in world.people[:count]]
    found: list[str] = []
    for start in range(0, count, GROUP):
        commands = [
            ClaimCommand(
                client_id=client.pk,
                idempotency_key=f"wallet-{batch_id[-12:]}-{start + place:08d}",
                fingerprint="",
                enrolment_id=person,
                batch_id=batch,
                at=clock.now(),
                client_region=None,
            )
            for place, person in enumerate(people[start : start + GROUP])
            if person is not None and batch is not None
        ]
        outcomes = vouchers_claim(commands=commands)
        if any(outcome.claim is None for outcome in outcomes):
            sys.exit(f"no voucher to pay with: {outcomes[0].refusals}")
        found += [
            to_public("vch", outcome.claim.vouchers[0].voucher_id)
            for outcome in outcomes
            if outcome.claim
        ]
    return found


def holds_make(world: BenchWorld, wallet: list[str], port: int) -> list[bytes]:
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
        for number, voucher in enumerate(wallet)
    ]
