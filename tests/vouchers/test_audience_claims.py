"""Claims from batches with an audience: who is on the list in force, and why others are refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.access.models import Client
from core.ids import to_public
from tests.factories.audiences import (
    SENIORS,
    agreed,
    aimed,
    audience_make,
    documents,
    enrolled,
    list_made,
    mobile_number,
)
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live, later
from tests.factories.claims import claim_command
from tests.factories.grants import grant_done, grant_made, public_ids
from tests.factories.merchants import client_make
from tests.factories.packs import pack_document
from tests.factories.persons import enrolment_make
from tests.factories.running import campaign_running
from tests.support.moments import business_time_set
from tests.vouchers.api_world import API, body_of, world_make
from vouchers.models import Batch, Claim, Enrolment, LimitUse, Voucher
from vouchers.rules.model import Location
from vouchers.services.claims import vouchers_claim
from vouchers.services.grant_approval import grant_words
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.django_db
PEPPERS = {1: b"pepper-one-for-tests-0123456789ab", 2: b"pepper-two-for-tests-0123456789ab"}
SAID = {
    "code": "claim.not_in_audience",
    "title": "不在发放对象范围内",
    "detail": "本券仅限养老助残卡持卡人领取。",
    "remedy": "如符合条件，请到社区服务中心申请列入名单后再领取。",
    "data": {"audience": SENIORS.name, "contact": SENIORS.contact},
}
NOT = SAID["code"]


def effects() -> tuple[object, ...]:
    return (
        Claim.objects.count(),
        Voucher.objects.count(),
        LimitUse.objects.count(),
        sorted(Batch.objects.values_list("issued", flat=True)),
    )


def codes(batch: Batch, *people: Enrolment, at: datetime = OPENED_AT, **more: Any) -> list[str]:
    """Return what refuses claims that are decided together; "" for an accepted one."""
    commands = [claim_command(batch, person, at=at, **more) for person in people]
    outcomes = vouchers_claim(commands=commands)
    return [" ".join(one.code for one in outcome.refusals) for outcome in outcomes]


@pytest.mark.usefixtures("both_ways")
def test_a_member_claims_and_anybody_else_is_told_for_whom_it_is() -> None:
    audience = audience_make()
    agreed(list_made(audience, documents(1)))
    world = world_make(campaign_live(batches=[aimed()]))
    before = effects()
    problem = body_of(world.api.post(f"{API}/claims", world.claim_body()), 422)
    assert problem["data"].pop("refusals") == [SAID]
    assert {name: problem[name] for name in SAID} == SAID
    assert effects() == before
    (world.person,) = enrolled(world.client, [1])
    key = "request-01-of-member"
    first = world.api.post(f"{API}/claims", world.claim_body(), key=key)
    assert first.status_code == 201
    # A list without him touches neither what he has nor its answer.
    agreed(list_made(audience, documents(2)), now=OPENED_AT)
    business_time_set(later(minutes=2))
    again = world.api.post(f"{API}/claims", world.claim_body(), key=key)
    assert (again.status_code, again.content) == (201, first.content)
    before = effects()
    problem = body_of(world.api.post(f"{API}/claims", world.claim_body()), 422)
    said = [one["code"] for one in problem["data"]["refusals"]]
    assert said == [NOT, "claim.person_limit"]
    assert effects() == before


def test_every_failing_condition_is_listed_with_it() -> None:
    live = campaign_live(batches=[aimed(location=Location(at_claim=True))])
    nobody = enrolment_make(level="NONE")
    assert codes(live.batch, nobody) == [f"claim.realname_required {NOT} claim.location_required"]


def test_who_enrols_later_is_a_member_under_whatever_pepper(
    settings: pytest.FixtureRequest,
) -> None:
    settings.XFQ_PEPPERS = {1: PEPPERS[1]}  # type: ignore[attr-defined]
    agreed(list_made(audience_make(), documents(1, 2)))
    live = campaign_live(batches=[aimed()])
    settings.XFQ_PEPPERS = PEPPERS  # type: ignore[attr-defined]
    client = client_make()
    assert codes(live.batch, *enrolled(client, [3, 1])) == [NOT, ""]
    settings.XFQ_PEPPERS = {2: PEPPERS[2]}  # type: ignore[attr-defined]
    # Seen once under the new pepper, still known when the old one is gone; never seen, lost.
    assert codes(live.batch, *enrolled(client, [1, 2])) == ["claim.person_limit", NOT]


def test_a_mobile_on_the_list_counts_while_the_account_carries_it() -> None:
    agreed(list_made(audience_make(key_kind="MOBILE"), [mobile_number(1)]))
    live = campaign_live(batches=[aimed(limits=())])
    (person,) = enrolled(client_make(), [1])
    assert codes(live.batch, person) == [""]
    person.keys.filter(kind="MOBILE").update(valid_until=OPENED_AT)
    assert codes(live.batch, person) == [NOT]


def test_each_claim_is_decided_by_the_list_in_force_when_it_was_received() -> None:
    live = campaign_live(batches=[aimed(limits=())])
    one, two = enrolled(client_make(), [1, 2])
    assert codes(live.batch, one, two) == [NOT, NOT]  # nobody registered it
    audience = audience_make()
    assert codes(live.batch, one, two) == [NOT, NOT]  # it has no list
    first = agreed(list_made(audience, documents(1)), now=OPENED_AT)
    second = agreed(list_made(audience, documents(1, 2)), now=later(hours=1))
    third = agreed(list_made(audience, documents(1), mode="REMOVE"), now=later(hours=2))
    for at, expected in (
        (first - timedelta(seconds=1), [NOT, NOT]),
        (first, ["", NOT]),
        (second - timedelta(microseconds=1), ["", NOT]),
        (second, ["", ""]),
        (third, [NOT, ""]),
    ):
        assert codes(live.batch, one, two, at=at) == expected
    list_made(audience, documents(1))  # not approved: changes nothing
    assert codes(live.batch, one, at=later(hours=3)) == [NOT]


def test_a_grant_names_its_people_itself() -> None:
    agreed(list_made(audience_make(), documents(1)))
    live = campaign_live(batches=[aimed()])
    channel = client_make(Client.Kind.CHANNEL)
    business_time_set(OPENED_AT)
    stranger = enrolment_make(channel)
    grant = grant_made(live.batch, channel, public_ids([stranger]))
    words = grant_words(str(grant.pk), {})
    assert "该批次面向养老助残卡持卡人；按本名单发放时不再核对人群名单" in words
    grant_done(grant)
    assert Voucher.objects.get().enrolment_id == stranger.pk


def test_a_pack_asks_for_its_own_audience() -> None:
    agreed(list_made(audience_make(), documents(1)))
    document = pack_document()
    document["batches"][0]["rules"]["audience"] = {"code": SENIORS.code, "name": SENIORS.name}
    campaign = campaign_running(document)
    quota_release_open(now=OPENED_AT)
    pack = campaign.batches.get(code="pack")
    assert codes(pack, *enrolled(client_make(), [2, 1])) == [NOT, ""]
    assert Voucher.objects.count() == 5


def test_offers_say_it_and_only_batches_with_an_audience_ask() -> None:
    agreed(list_made(audience_make(), documents(1)))
    plain, aimed_at = BatchPlan(limits=()), aimed(limits=())
    world = world_make(campaign_live(batches=[plain, aimed_at, aimed_at]))
    people = [world.person, *enrolled(world.client, [1, 2])]
    offered = []
    for person in people:
        query = {"person_id": to_public("per", person.pk)}
        items = body_of(world.api.get(f"{API}/batches", query))["items"]
        offered.append([(item["claimable"], item["refusals"]) for item in items])
    refused = (False, [SAID])
    open_to_him: tuple[bool, list[Any]] = (True, [])
    assert offered == [
        [open_to_him, refused, refused],
        [open_to_him, open_to_him, open_to_him],
        [open_to_him, refused, refused],
    ]
    asked = {}
    for batch in world.live.batches[:2]:
        for count in (1, 3):
            with CaptureQueriesContext(connection) as queries:
                codes(batch, *people[:count])
            asked[batch.code, count] = len(queries)
    assert asked["b2", 1] == asked["b1", 1] + 1
    assert (asked["b1", 3], asked["b2", 3]) == (asked["b1", 1], asked["b2", 1])
