"""The forecast against the platform: every claim it decides is decided the same by the service.

The claims of a forecast are recorded and sent, in their order and at their moments, to the real
claim service of a live campaign with the same definition.
"""

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from campaigns.definition.document import definition_stored
from core.access.models import Client
from core.errors import Refusal
from redemption.forecast.crowd import Crowd
from redemption.forecast.parameters import parameters_fill
from redemption.forecast.play import Play
from redemption.forecast.sampling import cast_make
from redemption.forecast.stages import Stage
from tests.factories.claims import claim_command
from tests.factories.definitions import document_make
from tests.factories.merchants import PROVINCE, client_make
from tests.factories.persons import enrolment_make
from tests.factories.running import BEFORE, campaign_running
from vouchers.models import Batch, Enrolment, IdentityKey
from vouchers.rules.model import Location
from vouchers.services.claims import vouchers_claim
from vouchers.services.releases import quota_release_close, quota_release_open

ACCEPTED = "ACCEPTED"
KINDS = ("DOCUMENT", "MOBILE", "DEVICE")


class Decided(NamedTuple):
    """A claim of the forecast, and what became of it."""

    batch: str
    person: int
    at: datetime
    region: str
    code: str


class Recorder(Play):
    """A play that remembers its claims."""

    decided: list[Decided]
    region = PROVINCE

    def _claim_decide(self, stage: Stage, person: int, at: datetime) -> Refusal | None:
        refused = super()._claim_decide(stage, person, at)
        code = refused.code if refused else ACCEPTED
        self.decided.append(Decided(stage.batch.code, person, at, self.region, code))
        self.region = PROVINCE
        return refused


def plan() -> dict[str, Any]:
    """Return two batches of groups that exclude each other, three waves, one of which closes."""
    found = document_make()
    (first,) = found["batches"]
    week = {**first["rules"]["limits"][0], "scope": "BATCH", "window": "WEEK"}
    rules = {
        **first["rules"],
        "limits": [week],
        "location": {"at_claim": True},
        "group": "甲",
        "conflicts": ["乙"],
    }
    releases = [
        {
            "slot": "2026-03-06T08:00:00+08:00",
            "units": 20,
            "closes_at": "2026-03-06T08:01:00+08:00",
        },
        {"slot": "2026-03-07T08:00:00+08:00", "units": 15},
        {"slot": "2026-03-13T08:00:00+08:00", "units": 25},
    ]
    other = {**rules, "group": "乙", "conflicts": ["甲"]}
    found["batches"] = [
        {**first, "units": 60, "rules": rules, "releases": releases},
        {**first, "code": "b2", "units": 15, "rules": other, "releases": releases[1:2]},
    ]
    for funder in found["funders"]:
        funder["quota_fen"] *= 2
    return found


def recorded(document: dict[str, Any], seed: int, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Play a forecast and keep its claims with where each came from."""
    definition = definition_stored(document)
    values = parameters_fill(
        {
            **{"persons": 60, "return_share": 800, "demand": 1_500, "burst_s": 30},
            **{"early": 60, "again": 200, "retry": 500, "away": 100},
            **{"unverified": 50, "shared_device": 100, "use": 0},
        }
    )
    cast = cast_make(definition.spec, definition.values["batches"], values, 1)
    play = Recorder(definition.spec, cast, values, seed)
    play.decided = []
    drawn = Crowd.region

    def region(crowd: Crowd, share: str, location: Location) -> str:
        play.region = drawn(crowd, share, location)
        return play.region

    monkeypatch.setattr(Crowd, "region", region)
    play.run()
    return play


def person_of(play: Recorder, person: int, client: Client, keys: dict[Any, Any]) -> Enrolment:
    """Return the account of a person of the crowd, with the device of another one if he shares."""
    named = [(kind, number) for kind, number in play.crowd.keys(person).items() if kind in KINDS]
    verified = play.crowd.verified(person)
    level = Enrolment.Level.REALNAME if verified else Enrolment.Level.NONE
    shared = [keys[one] for one in named if one in keys]
    made = enrolment_make(client, kinds=KINDS, shared=shared, level=level, now=BEFORE)
    for kind, number in named:
        if (kind, number) not in keys:
            keys[kind, number] = IdentityKey.objects.get(
                enrolments__enrolment=made, enrolments__kind=kind
            )
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [5, 6])
def test_every_claim_is_decided_as_the_platform_decides_it(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = plan()
    campaign_running(document)
    play = recorded(document, seed, monkeypatch)
    batches = {batch.code: batch for batch in Batch.objects.all()}
    client, keys = client_make(), dict[Any, Any]()
    people: dict[int, Enrolment] = {}
    differing = []
    for one in play.decided:
        quota_release_close(now=one.at)
        quota_release_open(now=one.at)
        if one.person not in people:
            people[one.person] = person_of(play, one.person, client, keys)
        command = claim_command(
            batches[one.batch], people[one.person], at=one.at, region_code=one.region
        )
        (outcome,) = vouchers_claim(commands=[command])
        code = outcome.refusals[0].code if outcome.refusals else outcome.outcome
        if code != one.code:
            differing.append((one, code))
    assert differing == []
    counted = Counter(one.code for one in play.decided)
    assert {
        ACCEPTED,
        "claim.not_started",
        "claim.sold_out",
        "claim.person_limit",
        "claim.same_person_other_account",
        "claim.group_conflict",
        "claim.out_of_region",
        "claim.realname_required",
    } <= counted.keys(), counted
