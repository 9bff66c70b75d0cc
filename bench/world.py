"""What a measurement starts from: one campaign with one hot batch and many people.

Staff, campaign, approval, money and the release go through the services; people are written in
bulk, since registering them is not what is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connections

from campaigns.definition.document import definition_build
from campaigns.definition.reading import definition_read
from core import clock
from core.access.models import Client
from core.access.signing import SigningKey
from core.ids import to_public
from core.jobs.services import job_run
from redemption.rehearsal import stage
from redemption.rehearsal.crew import crew_make
from redemption.rehearsal.world import PROVINCE, World
from vouchers.models import Batch, Enrolment
from vouchers.services.releases import quota_release_open

DEFINITION = Path(__file__).parents[1] / "campaigns" / "definitions" / "guangxi-33-demo.yaml"
CHANNEL = "ysf"
ONE_KEY = ("DOCUMENT",)
THREE_KEYS = ("DOCUMENT", "MOBILE", "DEVICE")
ROUNDING_FEN = 1_000
FEWEST_SHOPS = 1_000_000
_REPLACED = ("calendar", "budget", "releases")

_PEOPLE = """
    WITH people AS (
        INSERT INTO vouchers_enrolment (id, client_id, external_id, level, owner_region,
                                        created_at, updated_at)
        SELECT gen_random_uuid(), %(client)s, 'bench-' || n, 'REALNAME', %(region)s, %(at)s, %(at)s
          FROM generate_series(1, %(people)s) AS n
        RETURNING id, external_id
    ), keys AS (
        INSERT INTO vouchers_identitykey (kind, masked)
        SELECT kind, '*' || external_id FROM people CROSS JOIN unnest(%(kinds)s::text[]) AS kind
        RETURNING id, kind, masked
    )
    INSERT INTO vouchers_enrolmentkey (enrolment_id, key_id, kind, valid_from)
    SELECT people.id, keys.id, keys.kind, %(at)s
      FROM keys JOIN people ON keys.masked = '*' || people.external_id
"""


@dataclass(frozen=True, slots=True)
class BenchWorld:
    """A campaign that is live, its hot batches, and people of one channel."""

    key: SigningKey
    batches: tuple[Batch, ...]
    people: tuple[str, ...]
    """Public ids."""


def world_make(
    *,
    people: int,
    units: int,
    batches: int,
    kinds: tuple[str, ...],
    last_units: int | None = None,
    shops_scale: int = FEWEST_SHOPS,
    industries: tuple[str, ...] = (),
) -> BenchWorld:
    """Make a fresh database's world: ``batches`` batches of ``units`` open units each.

    ``last_units`` are those of the last batch, if it is to have others. A batch is used by one
    round of a measurement, so that every round meets the same table of limit rows and the same
    people may claim again. ``shops_scale`` divides the 25,200 merchants of the programme,
    ``industries`` are those that take the vouchers, none for all.
    """
    opened = [units] * batches
    opened[-1] = last_units or units
    document = _document(opened, kinds, industries)
    begins = datetime.fromisoformat(str(document["starts_at"]))
    clock.clock_start(at=begins)
    now = clock.now()
    crew = crew_make(now)
    stage.acquirers_make(now)
    keys = stage.clients_make(now)
    shops = World(scale=shops_scale, seed=33)
    jobs = stage.merchants_report(stage.merchant_lists(shops, {}), crew, now)
    for job in jobs:
        job_run(job_id=job.pk, now=now)
    stage.terminals_test(crew, now)
    campaign = stage.campaign_prepare(document, crew, now)
    stage.instalment_receive(campaign.pk, part=1, of=1, crew=crew, now=now)
    stage.campaign_start(campaign, crew, now)
    clock.clock_move(to=begins + timedelta(hours=8))
    quota_release_open(now=clock.now())
    client = Client.objects.get(code=CHANNEL)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            _PEOPLE,
            {
                "client": client.pk,
                "region": PROVINCE,
                "at": begins,
                "people": people,
                "kinds": list(kinds),
            },
        )
        cursor.execute("ANALYZE")  # the planner would know the sizes in operation
    ids = Enrolment.objects.filter(client=client).values_list("pk", flat=True)
    return BenchWorld(
        key=keys[CHANNEL],
        batches=tuple(Batch.objects.filter(campaign=campaign).order_by("code")),
        people=tuple(to_public("per", pk) for pk in ids),
    )


def _document(
    units: Sequence[int], kinds: tuple[str, ...], industries: tuple[str, ...]
) -> dict[str, Any]:
    """Return the demonstration's document with its first batch repeated, one wave each."""
    definition = definition_build(definition_read(DEFINITION.read_bytes(), DEFINITION.name))
    document: dict[str, Any] = dict(definition.document())
    (first,) = [batch for batch in document["batches"] if batch["code"] == "man-5-1"]
    slot = document["starts_at"].replace("T00:00", "T08:00")
    rules = {
        **first["rules"],
        "location": {},
        "use": {**first["rules"]["use"], "industries": list(industries)},
        "limits": [
            {
                "code": "once",
                "side": "CLAIM",
                "scope": "BATCH",
                "window": "TOTAL",
                "count": 1,
                "keys": list(kinds),
            }
        ],
    }
    document["batches"] = [
        {
            **{name: value for name, value in first.items() if name not in _REPLACED},
            "code": f"hot-{number:02d}",
            "units": opened,
            "releases": [{"slot": slot, "units": opened}],
            "rules": rules,
        }
        for number, opened in enumerate(units)
    ]
    document["illustrative"] = []
    face = first["face_fen"] * sum(units)
    weights = dict(first["funders"])
    for funder in document["funders"]:
        funder["quota_fen"] = face * weights[funder["code"]] // sum(weights.values()) + ROUNDING_FEN
    return document
