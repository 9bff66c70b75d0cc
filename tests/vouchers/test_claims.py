"""The claim service: what it issues, what it refuses, and that a refusal changes nothing."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection

from campaigns.models import Campaign
from core.clock import TIME_ZONE
from core.errors.problem import CHINESE, refusal_document
from core.ledger.models import Account, Entry, Posting
from tests.factories.campaigns import ENDS_AT, OPENED_AT, BatchPlan, FunderPlan, campaign_live
from tests.factories.claims import claim_command, vouchers_issued
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make, key_of
from vouchers.models import Batch, Claim, LimitUse, QuotaSlice, Voucher
from vouchers.rules.model import LimitRule, Location
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db


def codes(outcome: ClaimOutcome) -> list[str]:
    """Return the codes of a refusal in order."""
    return [refusal.code for refusal in outcome.refusals]


def footprint() -> tuple[int, ...]:
    """Return the row counts and counters a claim moves."""
    issued = sum(Batch.objects.values_list("issued", flat=True))
    sliced = sum(QuotaSlice.objects.values_list("issued", flat=True))
    used = sum(LimitUse.objects.values_list("used", flat=True))
    tables = (Claim, Voucher, Entry, Posting, LimitUse)
    return (issued, sliced, used, *(table.objects.count() for table in tables))


def balances(batch: Batch, kind: str) -> list[int]:
    """Return the balances of a batch's accounts of one kind, in the order of its funders."""
    found = dict(
        Account.objects.filter(unit_id=batch.pk, kind=kind).values_list("funder_id", "balance_fen")
    )
    return [found.get(funder_id, 0) for funder_id in batch.funder_ids]


def test_an_accepted_claim_writes_its_rows_and_its_money() -> None:
    batch = campaign_live(batches=[BatchPlan(face_fen=1_000, threshold_fen=5_000, units=3)]).batch
    person = enrolment_make()
    (outcome,) = vouchers_claim(commands=[claim_command(batch, person)])
    assert outcome.outcome == "ACCEPTED"
    assert outcome.claim is not None
    (issued,) = outcome.claim.vouchers
    voucher = Voucher.objects.get(pk=issued.voucher_id)
    assert (voucher.number, voucher.face_fen, voucher.state) == (1, 1_000, "ACTIVE")
    assert voucher.parts == [666, 234, 100]
    assert voucher.valid_until == OPENED_AT + timedelta(hours=72)
    assert voucher.batch_version_id == batch.version_id
    batch.refresh_from_db()
    assert batch.issued == 1
    assert QuotaSlice.objects.get(release__batch=batch).issued == 1
    assert LimitUse.objects.count() == 3
    assert balances(batch, "OUTSTANDING") == [666, 234, 100]
    assert [
        sum(pair)
        for pair in zip(balances(batch, "OUTSTANDING"), balances(batch, "RESERVED"), strict=True)
    ] == [2_000, 700, 300]


def test_parts_follow_the_published_split_of_linhe() -> None:
    funders = [FunderPlan("区", 142), FunderPlan("行", 80), FunderPlan("商", 58)]
    plan = BatchPlan(face_fen=2_000, threshold_fen=10_000, units=3)
    batch = campaign_live(funders=funders, batches=[plan]).batch
    parts = [voucher.parts for voucher in vouchers_issued(batch, 3)]
    assert parts == [[1014, 571, 415], [1014, 572, 414], [1014, 572, 414]]


def test_a_replay_gives_the_first_claim_even_when_it_would_now_be_refused() -> None:
    live = campaign_live()
    person = enrolment_make()
    command = claim_command(live.batch, person)
    (first,) = vouchers_claim(commands=[command])
    Campaign.objects.filter(pk=live.campaign.pk).update(state="PAUSED")
    before = footprint()
    (again,) = vouchers_claim(commands=[command])
    assert (again.outcome, again.claim) == ("REPLAY", first.claim)
    assert footprint() == before


def test_the_same_key_with_another_body_is_refused() -> None:
    live = campaign_live(batches=[BatchPlan(), BatchPlan(face_fen=500)])
    person = enrolment_make()
    vouchers_claim(commands=[claim_command(live.batches[0], person, key="one-key-for-two-bodies")])
    before = footprint()
    (other,) = vouchers_claim(
        commands=[claim_command(live.batches[1], person, key="one-key-for-two-bodies")]
    )
    assert codes(other) == ["idempotency.key_reused"]
    assert footprint() == before


def test_two_claims_of_one_person_in_one_call_are_decided_one_after_the_other() -> None:
    batch = campaign_live().batch
    person = enrolment_make()
    first, second = vouchers_claim(
        commands=[claim_command(batch, person), claim_command(batch, person)]
    )
    assert first.outcome == "ACCEPTED"
    assert codes(second) == ["claim.person_limit"]
    assert dict(second.refusals[0].data) == {
        "window": "DAY",
        "used": 1,
        "cap": 1,
        "kind": "DOCUMENT",
    }


def test_the_daily_limit_holds_over_all_tiers_and_ends_at_midnight() -> None:
    live = campaign_live(batches=[BatchPlan(), BatchPlan(face_fen=500)])
    person = enrolment_make()
    vouchers_claim(commands=[claim_command(live.batches[0], person)])
    last = datetime(2026, 3, 6, 23, 59, 59, 999_999, tzinfo=TIME_ZONE)
    (same_day,) = vouchers_claim(commands=[claim_command(live.batches[1], person, at=last)])
    assert codes(same_day) == ["claim.person_limit"]
    midnight = last + timedelta(microseconds=1)
    (next_day,) = vouchers_claim(commands=[claim_command(live.batches[1], person, at=midnight)])
    assert next_day.outcome == "ACCEPTED"


@pytest.mark.parametrize("kind", ["MOBILE", "DEVICE"])
def test_a_shared_key_refuses_the_other_account_without_naming_it(kind: str) -> None:
    batch = campaign_live().batch
    first = enrolment_make()
    other = enrolment_make(shared=[key_of(first, kind)])
    stranger = enrolment_make()
    vouchers_claim(commands=[claim_command(batch, first)])
    before = footprint()
    refused, accepted = vouchers_claim(
        commands=[claim_command(batch, other), claim_command(batch, stranger)]
    )
    assert codes(refused) == ["claim.same_person_other_account"]
    assert dict(refused.refusals[0].data) == {"window": "DAY", "used": 1, "cap": 1, "kind": kind}
    assert accepted.outcome == "ACCEPTED"
    assert footprint()[0] == before[0] + 1


def test_the_last_unit_goes_to_the_first_and_the_next_wave_is_named() -> None:
    live = campaign_live(batches=[BatchPlan(units=5, open_units=1)])
    next_wave = OPENED_AT + timedelta(days=1)
    live.batch.releases.create(
        slot=next_wave, planned_units=4, owner_region=live.batch.owner_region
    )
    people = [enrolment_make() for _ in range(3)]
    outcomes = vouchers_claim(commands=[claim_command(live.batch, person) for person in people])
    assert [outcome.outcome for outcome in outcomes] == ["ACCEPTED", "REFUSED", "REFUSED"]
    assert codes(outcomes[1]) == ["claim.sold_out"]
    assert outcomes[1].refusals[0].data == {"next_release_at": next_wave}


def test_a_claim_before_the_wave_is_not_started_and_after_the_end_is_ended() -> None:
    batch = campaign_live().batch
    early, late = vouchers_claim(
        commands=[
            claim_command(batch, enrolment_make(), at=OPENED_AT - timedelta(microseconds=1)),
            claim_command(batch, enrolment_make(), at=ENDS_AT),
        ]
    )
    assert codes(early) == ["claim.not_started"]
    assert early.refusals[0].data == {"opens_at": OPENED_AT}
    assert "claim.ended" in codes(late)


def test_all_failing_conditions_are_listed() -> None:
    plan = BatchPlan(location=Location(at_claim=True))
    live = campaign_live(batches=[plan])
    Campaign.objects.filter(pk=live.campaign.pk).update(state="PAUSED")
    before = footprint()
    person = enrolment_make(kinds=["MOBILE"], level="NONE")
    (outcome,) = vouchers_claim(commands=[claim_command(live.batch, person)])
    assert codes(outcome) == ["claim.realname_required", "claim.location_required", "claim.paused"]
    assert footprint() == before


def test_location_must_lie_inside_the_regions_of_the_campaign() -> None:
    live = campaign_live(batches=[BatchPlan(location=Location(at_claim=True))])
    inside, outside = vouchers_claim(
        commands=[
            claim_command(live.batch, enrolment_make(), region_code="450102"),
            claim_command(live.batch, enrolment_make(), region_code="440100"),
        ]
    )
    assert inside.outcome == "ACCEPTED"
    assert codes(outside) == ["claim.out_of_region"]


def test_a_location_of_its_own_may_be_wider_or_narrower_than_the_campaign() -> None:
    beside = BatchPlan(location=Location(at_claim=True, regions=("440100", "450300")))
    live = campaign_live(batches=[beside])
    inside, outside = vouchers_claim(
        commands=[
            claim_command(live.batch, enrolment_make(), region_code="440106"),
            claim_command(live.batch, enrolment_make(), region_code="450102"),
        ]
    )
    assert inside.outcome == "ACCEPTED"
    (refusal,) = outside.refusals
    assert dict(refusal.data) == {
        "region_code": "450102",
        "regions": ["440100", "450300"],
        "region_names": ["广州市", "桂林市"],
    }
    said = refusal_document(refusal.code, refusal.data, language=CHINESE)
    assert said["remedy"] == "请在广州市、桂林市范围内领取。"


def test_a_slice_of_a_channel_serves_only_that_channel() -> None:
    live = campaign_live(batches=[BatchPlan(units=2)])
    owner, other = client_make(), client_make()
    QuotaSlice.objects.filter(release=live.release).update(channel=owner)
    refused, accepted = vouchers_claim(
        commands=[
            claim_command(live.batch, enrolment_make(other)),
            claim_command(live.batch, enrolment_make(owner)),
        ]
    )
    assert (codes(refused), accepted.outcome) == (["claim.sold_out"], "ACCEPTED")


def test_an_unknown_batch_and_a_foreign_person_do_not_exist() -> None:
    live = campaign_live()
    draft = campaign_live()
    Batch.objects.filter(pk=draft.batch.pk).update(version=None)
    person = enrolment_make()
    foreign = claim_command(live.batch, person)._replace(client_id=client_make().pk)
    outcomes = vouchers_claim(commands=[foreign, claim_command(draft.batch, person)])
    assert [codes(outcome) for outcome in outcomes] == [["access.not_found"]] * 2


def test_a_limit_counts_what_the_batch_says() -> None:
    rule = LimitRule(
        code="two", side="CLAIM", scope="BATCH", window="TOTAL", count=2, keys=("DOCUMENT",)
    )
    batch = campaign_live(batches=[BatchPlan(limits=(rule,))]).batch
    person = enrolment_make()
    outcomes = vouchers_claim(
        commands=[claim_command(batch, person, at=OPENED_AT + timedelta(days=n)) for n in range(3)]
    )
    assert [outcome.outcome for outcome in outcomes] == ["ACCEPTED", "ACCEPTED", "REFUSED"]
    assert LimitUse.objects.get().used == 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE vouchers_limituse SET used = cap + 1",
        "UPDATE vouchers_batch SET issued = released + 1",
        "UPDATE vouchers_quotaslice SET issued = planned + 1",
        "UPDATE vouchers_voucher SET state = 'REDEEMED'",
        "UPDATE vouchers_voucher SET parts = '{1}'",
        "DELETE FROM vouchers_voucher",
        "UPDATE vouchers_claim SET units = 2",
        "UPDATE core_posting SET amount_fen = 1",
        "DELETE FROM core_entry",
    ],
)
def test_the_database_refuses_what_the_service_would_never_do(sql: str) -> None:
    vouchers_issued(campaign_live().batch, 1)
    with pytest.raises(Exception) as caught, connection.cursor() as cursor:  # noqa: PT011
        cursor.execute(sql)
    assert caught.type.__name__ in {"IntegrityError", "ProgrammingError", "InternalError"}


def test_a_number_of_a_batch_is_issued_once() -> None:
    (voucher,) = vouchers_issued(campaign_live().batch, 1)
    voucher.pk, voucher.code = None, "1"
    with pytest.raises(IntegrityError, match="voucher_number"):
        voucher.save(force_insert=True)
