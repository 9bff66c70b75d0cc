"""One voucher for N customers, more than N of whom come at once: django-oscar beside our claims.

Same PostgreSQL server, as many processes, each with a connection of its own; ways in turn. Every
round has a voucher, or a batch, of its own. What was accepted is counted in the tables afterwards.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench.published.crowd import crowd_play, module_run
from bench.published.environment import Throwaway
from bench.published.rounds import Round, dealt
from bench.world import BenchWorld
from core.embedded.databases import database_create, database_drop, with_database
from core.embedded.record import ServiceUrls
from core.ids import from_public
from vouchers.models import Batch, Claim

REQUIREMENTS = ("django-oscar==4.2.1", "psycopg[binary]>=3.2,<4")
MULTI_USE, SINGLE_USE = "Multi-use", "Single use"
"""Oscar's words."""
WORKERS = 4
UNITS = 128
CUSTOMERS = 256
SINGLE_CUSTOMERS = 16
CHECKOUT, VOUCHER_ONLY, SINGLE = "oscar_checkout", "oscar_voucher_only", "oscar_single_use"
GROUPS = {"claims_groups_of_64": 64, "claims_one_by_one": 1}
WAYS = (CHECKOUT, VOUCHER_ONLY, *GROUPS)
"""Those with a rate; whether a single-use voucher is used once is tried once, at the end."""


@contextmanager
def database_of(urls: ServiceUrls, name: str) -> Iterator[dict[str, str]]:
    """Make a database on the same server; yields what libpq reads of the environment."""
    database_create(urls, name)
    target = conninfo_to_dict(with_database(urls.owner_url, name))
    try:
        yield {
            f"PG{'DATABASE' if key == 'dbname' else key.upper()}": str(value)
            for key, value in target.items()
        }
    finally:
        database_drop(urls, name)


class OscarBeside:
    """Plays rounds of every way."""

    def __init__(
        self, throwaway: Throwaway, env: dict[str, str], world: BenchWorld, *, rounds: int
    ) -> None:
        """Take oscar's environment and database, and a world with a batch for each claim round.

        The shop is made here, with a voucher for each of oscar's rounds.
        """
        self.python, self.env, self.world = throwaway.python, env, world
        self.batches = iter(world.batches)
        plans = [
            _voucher_plan(way, f"{way}-{number}")
            for number in range(rounds)
            for way in (CHECKOUT, VOUCHER_ONLY)
        ]
        plans.append(_voucher_plan(SINGLE, SINGLE))
        shop = module_run(self.python, "bench.published.oscar_shop", plans, env)
        self.vouchers = {
            way: iter([made for made, plan in zip(shop, plans, strict=True) if plan["way"] == way])
            for way in (CHECKOUT, VOUCHER_ONLY, SINGLE)
        }

    def play(self, way: str) -> Round:
        """Play one round of a way."""
        return self._claims(GROUPS[way]) if way in GROUPS else self._oscar(way)

    def _oscar(self, way: str) -> Round:
        made = next(self.vouchers[way])
        plans = [
            {
                "way": "voucher" if way == VOUCHER_ONLY else "checkout",
                "voucher": made["voucher"],
                "baskets": baskets,
            }
            for baskets in dealt(made["baskets"], WORKERS)
        ]
        command = [self.python, "-m", "bench.published.oscar_use"]
        played = crowd_play(command, plans, self.env)
        counted, says = self._counted(made)
        units = 1 if way == SINGLE else UNITS
        return Round(units, len(made["baskets"]), counted, played, {"counter_says": says})

    def _counted(self, made: dict[str, Any]) -> tuple[int, int]:
        """Return how often the voucher was used by its rows, and by the offer's own counter."""
        with psycopg.connect(dbname=self.env["PGDATABASE"], **self._address()) as connection:
            uses = connection.execute(
                "SELECT count(*) FROM voucher_voucherapplication WHERE voucher_id = %s",
                [made["voucher"]],
            ).fetchone()
            says = connection.execute(
                "SELECT num_applications FROM offer_conditionaloffer WHERE id = %s", [made["offer"]]
            ).fetchone()
        if uses is None or says is None:
            raise AssertionError(made["voucher"])
        return uses[0], says[0]

    def _address(self) -> dict[str, Any]:
        return {
            key.removeprefix("PG").lower(): value
            for key, value in self.env.items()
            if key != "PGDATABASE"
        }

    def _claims(self, size: int) -> Round:
        batch = next(self.batches)
        people = [_uuid(person) for person in self.world.people[:CUSTOMERS]]
        plans = [
            {"batch": str(batch.pk), "size": size, "people": share}
            for share in dealt(people, WORKERS)
        ]
        command = [sys.executable, "-m", "bench.published.claim_use"]
        played = crowd_play(command, plans, {"XFQ_LOG_LEVEL": "ERROR"})
        counted = Claim.objects.filter(batch=batch).count()
        return Round(
            UNITS,
            CUSTOMERS,
            counted,
            played,
            {"counter_says": Batch.objects.get(pk=batch.pk).issued},
        )


def _voucher_plan(way: str, name: str) -> dict[str, Any]:
    single = way == SINGLE
    return {
        "way": way,
        "name": name,
        "usage": SINGLE_USE if single else MULTI_USE,
        "most": None if single else UNITS,
        "baskets": SINGLE_CUSTOMERS if single else CUSTOMERS,
    }


def _uuid(person: str) -> str:
    found: UUID | None = from_public("per", person)
    return str(found)


def services() -> ServiceUrls:
    """Return the servers of the bench."""
    return ServiceUrls(
        os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"], os.environ["REDIS_URL"]
    )
