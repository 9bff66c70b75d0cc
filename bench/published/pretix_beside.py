"""More people than units, over HTTP: orders through pretix's API beside claims through our front.

pretix keeps its promise by a quota: `POST …/orders/` takes advisory locks on quota and event,
counts what is taken and writes the order. Both are served by Granian (pretix by two processes of
four threads, ours by one front), asked by the same generator over as many connections, and write
to the same PostgreSQL. pretix has Valkey as cache and broker; no worker takes what it leaves there.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench import claims
from bench.load import LoadPlan
from bench.published.crowd import module_run
from bench.published.environment import Throwaway
from bench.published.rounds import Round
from bench.world import BenchWorld
from core.embedded.databases import database_create, database_drop, database_urls
from core.embedded.record import ServiceUrls
from core.embedded.supervisor import ChildSpec, Supervisor, http_ready
from core.embedded.valkey import HOST, free_port
from core.ids import to_public
from vouchers.models import Claim

REQUIREMENTS = ("pretix==2026.8.0", "granian>=2,<3")
ORDERS, CLAIMS = "pretix_orders", "claims_over_http"
WAYS = (ORDERS, CLAIMS)
CONNECTIONS = 32
UNITS = {ORDERS: 128, CLAIMS: 4_096}
"""A round shall last some seconds; half as many again ask."""
ASKED = {way: units * 3 // 2 for way, units in UNITS.items()}
PATIENCE_S = 120.0
VALKEY_NUMBER = 7


@contextmanager
def pretix_environment(urls: ServiceUrls, made: Throwaway) -> Iterator[dict[str, str]]:
    """Make a database on the same server; yields pretix's configuration."""
    own = database_urls(urls, "bench_pretix", VALKEY_NUMBER)
    database_create(urls, "bench_pretix")
    target = conninfo_to_dict(own.owner_url)
    named = {("name" if key == "dbname" else key): str(value) for key, value in target.items()}
    try:
        yield {
            "DATA_DIR": str(made.folder / "data"),
            "PRETIX_DATABASE_BACKEND": "postgresql",
            **{f"PRETIX_DATABASE_{key.upper()}": value for key, value in named.items()},
            "PRETIX_PRETIX_URL": f"http://{HOST}",
            "PRETIX_REDIS_LOCATION": own.redis_url,
            "PRETIX_CELERY_BROKER": own.redis_url,
            "PRETIX_CELERY_BACKEND": own.redis_url,
            "DJANGO_SETTINGS_MODULE": "pretix.settings",
            "BENCH_DATABASE": own.owner_url,
        }
    finally:
        database_drop(urls, "bench_pretix")


class PretixBeside:
    """Plays rounds of both ways."""

    def __init__(
        self,
        throwaway: Throwaway,
        env: dict[str, str],
        world: BenchWorld,
        supervisor: Supervisor,
        *,
        rounds: int,
    ) -> None:
        """Take pretix's environment, and a world with a batch for each of our rounds.

        An event for each of pretix's rounds is made here.
        """
        self.throwaway, self.env, self.world = throwaway, env, world
        self.supervisor = supervisor
        self.batches = iter(world.batches)
        plan = {"events": rounds, "units": UNITS[ORDERS]}
        made = module_run(throwaway.python, "bench.published.pretix_event", plan, env)
        self.token, self.events = made["token"], iter(made["events"])

    def play(self, way: str) -> Round:
        """Play one round of a way."""
        return self._orders() if way == ORDERS else self._claims()

    def _orders(self) -> Round:
        event = next(self.events)
        with self._served() as port:
            warm = [_order(self.token, event, port, simulate=True) for _ in range(CONNECTIONS)]
            claims.load_play(LoadPlan(port, CONNECTIONS, PATIENCE_S, warm))
            asked = [_order(self.token, event, port) for _ in range(ASKED[ORDERS])]
            played = claims.load_play(LoadPlan(port, CONNECTIONS, PATIENCE_S, asked))
        with psycopg.connect(self.env["BENCH_DATABASE"]) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pretixbase_order o"
                " JOIN pretixbase_orderposition p ON p.order_id = o.id WHERE o.event_id = %s",
                [event["event"]],
            ).fetchone()
        if row is None:
            raise AssertionError(event)
        return _round(ORDERS, row[0], played)

    def _claims(self) -> Round:
        batch = next(self.batches)
        public = to_public("bat", batch.pk)
        with claims.served(self.supervisor, claims.FRONT) as port:
            asked = claims.requests_make(
                self.world, claims.FRONT, public, start=0, count=ASKED[CLAIMS], port=port
            )
            played = claims.load_play(LoadPlan(port, CONNECTIONS, PATIENCE_S, asked))
        return _round(CLAIMS, Claim.objects.filter(batch=batch).count(), played)

    @contextmanager
    def _served(self) -> Iterator[int]:
        port = free_port()
        self.supervisor.start(
            ChildSpec(
                name=ORDERS,
                argv=[
                    str(self.throwaway.folder / "bin" / "granian"),
                    f"--host={HOST}",
                    f"--port={port}",
                    "--no-ws",
                    "--interface=wsgi",
                    "--workers=2",
                    "--blocking-threads=4",
                    "pretix.wsgi:application",
                ],
                env={**os.environ, **self.env},
                cwd=self.throwaway.folder,
                ready=http_ready(f"http://{HOST}:{port}/healthcheck/"),
            )
        )
        try:
            yield port
        finally:
            self.supervisor.stop(ORDERS)
            del self.supervisor.children[ORDERS]


def _order(token: str, event: Mapping[str, Any], port: int, *, simulate: bool = False) -> bytes:
    body = json.dumps(
        {
            "email": "bench@example.org",
            "locale": "en",
            "sales_channel": "web",
            "simulate": simulate,
            "positions": [{"item": event["item"], "variation": None, "answers": []}],
        }
    ).encode()
    head = (
        f"POST /api/v1/organizers/bench/events/{event['slug']}/orders/ HTTP/1.1\r\n"
        f"Host: {HOST}:{port}\r\nAuthorization: Token {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _round(way: str, counted: int, played: dict[str, Any]) -> Round:
    accepted = played["statuses"].get("201", 0)
    rate = round(accepted / played["seconds"], 1)
    return Round(
        UNITS[way], ASKED[way], counted, {**played, "accepted": accepted, "per_s": rate}, {}
    )
