"""Caps of all people together: by count and amount, per day and week, never flapping."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils.translation import override

from campaigns.definition.document import definition_build
from campaigns.errors import DefinitionInvalidError
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.clock import TIME_ZONE
from core.errors import Refusal
from core.models import Client
from tests.factories.approvals import approve
from tests.factories.claims import claim_command
from tests.factories.definitions import capped_document
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make
from tests.factories.running import campaign_running
from tests.factories.staff import staff_make
from tests.invariants.helpers import checks_failing
from vouchers.models import Batch, CapUse, Claim, Enrolment
from vouchers.offers import OfferState, Remaining, offers_of
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.django_db
OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)  # a Friday
MIDNIGHT = datetime(2026, 3, 7, tzinfo=TIME_ZONE)
MONDAY = datetime(2026, 3, 9, tzinfo=TIME_ZONE)


@pytest.fixture
def channel() -> Client:
    return client_make()


@pytest.fixture
def person(channel: Client) -> Enrolment:
    return enrolment_make(channel)


def opened(**cap: Any) -> tuple[Batch, Batch]:
    """Return the batches of 30.00 and of 10.00, open, under one cap."""
    campaign_running(capped_document(**cap))
    quota_release_open(now=OPENS)
    first, second = Batch.objects.order_by("code")
    return first, second


def claim(batch: Batch, person: Enrolment, count: int, at: datetime = OPENS) -> list[ClaimOutcome]:
    return vouchers_claim(commands=[claim_command(batch, person, at=at) for _ in range(count)])


def said(outcomes: list[ClaimOutcome]) -> list[str]:
    return [one.refusals[0].code if one.refusals else one.outcome for one in outcomes]


def used() -> list[tuple[int, int]]:
    return list(CapUse.objects.order_by("window_start").values_list("used_units", "used_fen"))


def test_a_days_count_is_shared_and_free_again_at_midnight(person: Enrolment) -> None:
    first, second = opened(units=3)
    assert said(claim(first, person, 2)) == ["ACCEPTED"] * 2
    assert said(claim(second, person, 2)) == ["ACCEPTED", "claim.daily_cap_reached"]
    (refused,) = claim(first, person, 1, MIDNIGHT - timedelta(microseconds=1))
    assert refused.refusals == (
        Refusal(
            "claim.daily_cap_reached",
            {"window": "DAY", "cap_units": 3, "next_release_at": MIDNIGHT},
        ),
    )
    assert used() == [(3, 7_000)]
    assert Claim.objects.count() == 3
    assert said(claim(second, person, 4, MIDNIGHT)) == [
        *["ACCEPTED"] * 3,
        "claim.daily_cap_reached",
    ]
    assert used() == [(3, 7_000), (3, 3_000)]
    assert checks_failing() == {}


def test_an_amount_refuses_the_dear_voucher_for_good_and_still_gives_the_cheap_one(
    person: Enrolment,
) -> None:
    first, second = opened(amount_fen=8_000)
    assert said(claim(first, person, 3)) == [*["ACCEPTED"] * 2, "claim.daily_cap_reached"]
    assert said(claim(second, person, 1)) == ["ACCEPTED"]
    # What is left only shrinks: nobody gets what another was refused.
    assert said(claim(first, person, 1)) == ["claim.daily_cap_reached"]
    assert said(claim(second, person, 2)) == ["ACCEPTED", "claim.daily_cap_reached"]
    assert used() == [(4, 8_000)]


def test_a_week_begins_on_monday(person: Enrolment) -> None:
    first, _second = opened(units=2, window="WEEK")
    assert said(claim(first, person, 2)) == ["ACCEPTED"] * 2
    (refused,) = claim(first, person, 1, MIDNIGHT)
    assert refused.refusals[0].data["next_release_at"] == MONDAY
    assert said(claim(first, person, 1, MONDAY)) == ["ACCEPTED"]


def test_claims_across_midnight_in_one_group_count_on_their_own_days(person: Enrolment) -> None:
    # Both belong to the business date that began at 23:00.
    first, _second = opened(units=1)
    late = datetime(2026, 3, 6, 23, 30, tzinfo=TIME_ZONE)
    moments = (late, late, MIDNIGHT, MIDNIGHT)
    people = [person, *(enrolment_make(person.client) for _ in moments[1:])]
    outcomes = vouchers_claim(
        commands=[claim_command(first, one, at=at) for one, at in zip(people, moments, strict=True)]
    )
    assert said(outcomes) == ["ACCEPTED", "claim.daily_cap_reached"] * 2
    assert used() == [(1, 3_000)] * 2


def test_a_replay_is_not_counted_again(person: Enrolment) -> None:
    first, _second = opened(units=1)
    command = claim_command(first, person, at=OPENS)
    assert said(vouchers_claim(commands=[command])) == ["ACCEPTED"]
    assert said(vouchers_claim(commands=[command])) == ["REPLAY"]
    assert used() == [(1, 3_000)]


def test_an_offer_says_when_there_is_more(channel: Client, person: Enrolment) -> None:
    first, second = opened(amount_fen=6_000)
    claim(first, person, 1)
    claim(second, person, 1)
    offers = offers_of([first, second], client_id=channel.pk, person=person, now=OPENS)
    assert [(one.state, one.remaining, one.next_release_at) for one in offers] == [
        (OfferState.CAPPED, Remaining.NONE, MIDNIGHT),
        (OfferState.OPEN, Remaining.PLENTY, None),
    ]
    assert [[one.code for one in offer.refusals or ()] for offer in offers] == [
        ["claim.daily_cap_reached"],
        [],
    ]


def test_after_the_last_day_there_is_no_more(channel: Client, person: Enrolment) -> None:
    first, _second = opened(units=1)
    last = datetime(2026, 3, 31, 12, tzinfo=TIME_ZONE)
    assert said(claim(first, person, 1, last)) == ["ACCEPTED"]
    (refused,) = claim(first, person, 1, last)
    assert "next_release_at" not in refused.refusals[0].data
    (offer,) = offers_of([first], client_id=channel.pk, person=person, now=last)
    assert (offer.state, offer.next_release_at) == (OfferState.CAPPED, None)


def test_a_version_with_a_cap_counts_what_was_claimed_today(person: Enrolment) -> None:
    document = capped_document(units=50)
    for batch in document["batches"]:
        batch["rules"]["caps"] = []
    campaign = campaign_running(document)
    quota_release_open(now=OPENS)
    first, second = Batch.objects.order_by("code")
    assert said([*claim(first, person, 2), *claim(second, person, 1)]) == ["ACCEPTED"] * 3
    assert used() == []
    maker = staff_make(Role.CAMPAIGN_MAKER)

    def change(units: int) -> None:
        campaign_draft_save(document=capped_document(units=units), actor=maker, now=OPENS)
        approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=OPENS), now=OPENS)

    change(4)
    assert used() == [(3, 7_000)]
    assert said(claim(second, person, 2)) == ["ACCEPTED", "claim.daily_cap_reached"]
    # Below what has been claimed: nobody more, and no claim undone.
    change(2)
    assert said(claim(second, person, 1)) == ["claim.daily_cap_reached"]
    assert used() == [(4, 8_000)]
    change(5)
    assert said(claim(second, person, 2)) == ["ACCEPTED", "claim.daily_cap_reached"]
    assert checks_failing() == {}


def test_the_database_holds_the_cap(person: Enrolment) -> None:
    first, _second = opened(units=3)
    claim(first, person, 1)
    with pytest.raises(IntegrityError, match="cap_use_within_cap"), transaction.atomic():
        CapUse.objects.update(used_units=4)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE vouchers_capuse SET used_units = 2")
    assert checks_failing() == {"vouchers.caps_as_claimed": 1}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({}, "batches[0].rules.caps[0]"),
        ({"units": 0}, "batches[0].rules.caps[0].units"),
        ({"amount_fen": 2_999}, "batches[0].rules.caps[0].amount_fen"),
        ({"units": 5, "window": "MONTH"}, "batches[0].rules.caps[0].window"),
        ({"units": 5, "code": "a#b"}, "batches[0].rules.caps[0].code"),
        ({"units": 5, "scope": "GROUP"}, "batches[0].rules.caps[0].scope"),
    ],
)
def test_a_cap_that_means_nothing_is_refused(change: dict[str, Any], path: str) -> None:
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(capped_document(**change))
    assert path in {problem.name for problem in refused.value.invalid_params}


def test_batches_mean_the_same_by_a_shared_cap() -> None:
    document = capped_document(units=5)
    document["batches"][1]["rules"]["caps"][0]["units"] = 6
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(document)
    (problem,) = refused.value.invalid_params
    assert problem.name == "batches[1].rules.caps[0]"


def test_people_read_the_cap() -> None:
    definition = definition_build(capped_document(units=1_000, amount_fen=2_000_000))
    for language, line in (
        (
            "zh-hans",
            "每日最多发放1,000份、面额合计20000.00元（本活动各券合计，所有人合计），领完为止",
        ),
        (
            "en",
            "At most 1,000 claims, 20000.00 yuan of face value a day (all batches of the campaign "
            "together), by everybody together",
        ),
    ):
        with override(language):
            lines = [line for passage in definition.rules_words() for line in passage.lines]
        assert line in lines
