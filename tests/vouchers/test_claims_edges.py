"""Claims at the edges: windows that are empty, codes that collide, waves that are just due."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.clock import TIME_ZONE
from tests.factories.approvals import approve
from tests.factories.campaigns import ENDS_AT, OPENED_AT, BatchPlan, campaign_live, later
from tests.factories.claims import claim_command
from tests.factories.definitions import document_make
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make
from tests.factories.running import campaign_running
from tests.factories.staff import staff_make
from tests.vouchers.test_claims import codes, footprint
from vouchers.models import Batch, QuotaRelease, Voucher
from vouchers.rules.model import Validity
from vouchers.services import claim_columns, claim_context
from vouchers.services.claims import vouchers_claim
from vouchers.services.releases import quota_release_open
from vouchers.states import ReleaseState

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("validity", "at"),
    [
        (
            Validity(
                mode="FIXED_WINDOW",
                fixed_from=OPENED_AT,
                fixed_until=datetime(2026, 3, 10, tzinfo=TIME_ZONE),
            ),
            datetime(2026, 3, 10, tzinfo=TIME_ZONE),
        ),
        (Validity(mode="HOURS", value=72, starts="NEXT_DAY"), ENDS_AT - timedelta(hours=5)),
        (Validity(mode="CLAIM_DAY", starts="NEXT_DAY"), later(hours=1)),
    ],
)
def test_a_voucher_that_could_never_be_used_is_refused_and_spoils_no_other_claim(
    validity: Validity, at: datetime
) -> None:
    live = campaign_live(batches=[BatchPlan(validity=validity)])
    before = footprint()
    (outcome,) = vouchers_claim(commands=[claim_command(live.batch, enrolment_make(), at=at)])
    assert codes(outcome) == ["claim.ended"]
    assert footprint() == before


def test_the_last_microsecond_of_a_fixed_window_still_counts() -> None:
    until = datetime(2026, 3, 10, tzinfo=TIME_ZONE)
    window = Validity(mode="FIXED_WINDOW", fixed_from=OPENED_AT, fixed_until=until)
    live = campaign_live(batches=[BatchPlan(validity=window)])
    command = claim_command(live.batch, enrolment_make(), at=until - MICROSECOND)
    (outcome,) = vouchers_claim(commands=[command])
    assert outcome.claim is not None
    assert outcome.claim.vouchers[0].valid_from == until - MICROSECOND
    assert outcome.claim.vouchers[0].valid_until == until


def test_a_code_that_exists_already_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = campaign_live().batch
    (first,) = vouchers_claim(commands=[claim_command(batch, enrolment_make())])
    assert first.claim is not None
    taken = first.claim.vouchers[0].code
    drawn = iter([taken, "4000000000000002", "4000000000000010", "4000000000000028"])
    monkeypatch.setattr(
        claim_columns, "new_voucher_codes", lambda count: list(islice(drawn, count))
    )
    client = client_make()
    commands = [claim_command(batch, enrolment_make(client)) for _ in range(2)]
    outcomes = vouchers_claim(commands=commands)
    assert [outcome.outcome for outcome in outcomes] == ["ACCEPTED", "ACCEPTED"]
    assert Voucher.objects.filter(code=taken).count() == 1
    assert sorted(Voucher.objects.values_list("number", flat=True)) == [1, 2, 3]


def test_more_units_than_a_limit_allows_are_refused_before_its_first_use() -> None:
    batch = campaign_live().batch
    before = footprint()
    (outcome,) = vouchers_claim(commands=[claim_command(batch, enrolment_make(), units=2)])
    assert codes(outcome) == ["claim.person_limit"]
    assert outcome.refusals[0].data["used"] == 0
    assert footprint() == before


def planned(batch: Batch, at: datetime) -> QuotaRelease:
    """Return a wave of that slot which no beat has opened yet."""
    return QuotaRelease.objects.create(
        batch=batch, slot=at, planned_units=1, state=ReleaseState.PLANNED, owner_region="450000"
    )


def test_a_wave_that_is_due_but_not_open_yet_is_not_sold_out() -> None:
    batch = campaign_live(batches=[BatchPlan(units=2, open_units=1)]).batch
    client = client_make()
    vouchers_claim(commands=[claim_command(batch, enrolment_make(client))])
    due = later(hours=1)
    planned(batch, due)
    before = footprint()
    for at in (due, due + timedelta(seconds=5)):
        (outcome,) = vouchers_claim(commands=[claim_command(batch, enrolment_make(client), at=at)])
        assert codes(outcome) == ["claim.not_started"]
        # Alone: it is said without looking at the person, as sold out would be.
        assert [one.data for one in outcome.refusals] == [{"opens_at": due}]
    early = claim_command(batch, enrolment_make(client), at=due - MICROSECOND)
    (outcome,) = vouchers_claim(commands=[early])
    assert codes(outcome) == ["claim.sold_out"]
    assert outcome.refusals[0].data["next_release_at"] == due
    assert footprint() == before


def test_the_end_of_a_wave_is_exclusive_to_the_microsecond() -> None:
    closes = later(hours=1)
    batch = campaign_live(batches=[BatchPlan(closes_at=closes)]).batch
    client = client_make()
    commands = [
        claim_command(batch, enrolment_make(client), at=at)
        for at in (OPENED_AT - MICROSECOND, OPENED_AT, closes - MICROSECOND, closes)
    ]
    outcomes = vouchers_claim(commands=commands)
    assert [codes(one) for one in outcomes] == [
        ["claim.not_started"],
        [],
        [],
        ["claim.sold_out"],
    ]


def test_claims_on_both_sides_of_the_cut_off_are_booked_on_two_business_dates() -> None:
    batch = campaign_live().batch
    client = client_make()
    cut = OPENED_AT.replace(hour=23)
    commands = [
        claim_command(batch, enrolment_make(client), at=at)
        for at in (cut, cut - MICROSECOND, cut + MICROSECOND)
    ]
    outcomes = vouchers_claim(commands=commands)
    assert [one.outcome for one in outcomes] == ["ACCEPTED"] * 3
    days = dict(Voucher.objects.values_list("claim__at", "claim__business_date"))
    assert [str(days[command.at]) for command in commands] == [
        "2026-03-07",
        "2026-03-06",
        "2026-03-07",
    ]


def test_a_verified_person_may_claim_where_no_limit_counts_documents() -> None:
    batch = campaign_live(batches=[BatchPlan(limits=())]).batch
    (outcome,) = vouchers_claim(commands=[claim_command(batch, enrolment_make())])
    assert outcome.outcome == "ACCEPTED"
    unknown = enrolment_make(kinds=("MOBILE", "DEVICE"))
    (outcome,) = vouchers_claim(commands=[claim_command(batch, unknown)])
    assert codes(outcome) == ["claim.realname_required"]


def test_a_version_that_comes_between_is_what_the_claims_are_decided_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = campaign_running()
    opens = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
    quota_release_open(now=opens)
    batch = Batch.objects.get(campaign=campaign)
    read, reads = claim_context.batch_contexts, []

    def replaced(*batch_ids: Any, **until: Any) -> Any:
        found = read(*batch_ids, **until)
        reads.append(found)
        if len(reads) == 1:
            maker = staff_make(Role.CAMPAIGN_MAKER)
            document = document_make(title="改名")
            document["batches"][0]["rules"]["validity"]["value"] = 24
            campaign_draft_save(document=document, actor=maker, now=opens)
            asked = campaign_submit(campaign_id=campaign.pk, actor=maker, now=opens)
            approve(asked, now=opens)
        return found

    monkeypatch.setattr("vouchers.services.claims.batch_contexts", replaced)
    people = [enrolment_make() for _ in range(3)]
    outcomes = vouchers_claim(commands=[claim_command(batch, one, at=opens) for one in people])
    assert [one.outcome for one in outcomes] == ["ACCEPTED"] * 3
    assert len(reads) == 2
    assert set(Voucher.objects.values_list("valid_until", flat=True)) == {opens + timedelta(days=1)}
