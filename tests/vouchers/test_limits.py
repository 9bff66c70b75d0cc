"""Limits by window and group, and groups that exclude each other, through the claim service."""

from datetime import datetime, timedelta

import pytest

from core.clock import TIME_ZONE
from core.errors import Refusal
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live, release_open
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make, key_of
from tests.vouchers.test_claims_edges import planned
from vouchers.models import Batch, Enrolment, LimitUse
from vouchers.rules.limits import ALWAYS, window_start
from vouchers.rules.model import KeyKindName, LimitRule
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db
KEYS: tuple[KeyKindName, ...] = ("DOCUMENT", "MOBILE")
FREE = LimitRule(code="free", side="CLAIM", scope="BATCH", window="TOTAL", count=9, keys=KEYS)


def limit(scope: str, window: str) -> LimitRule:
    return LimitRule(
        code="one",
        side="CLAIM",
        scope=scope,  # type: ignore[arg-type]  # read from the parameters of tests
        window=window,  # type: ignore[arg-type]
        count=1,
        keys=KEYS,
    )


def claim(batch: Batch, person: Enrolment, at: datetime = OPENED_AT) -> ClaimOutcome:
    (outcome,) = vouchers_claim(commands=[claim_command(batch, person, at=at)])
    return outcome


def codes(outcome: ClaimOutcome) -> list[str]:
    return [refusal.code for refusal in outcome.refusals]


def test_windows_begin_where_people_count_from() -> None:
    at = datetime(2026, 3, 6, 8, 30, tzinfo=TIME_ZONE)  # a Friday
    slots = (at - timedelta(minutes=30), at - timedelta(days=1))
    assert window_start("DAY", at) == datetime(2026, 3, 6, tzinfo=TIME_ZONE)
    assert window_start("WEEK", at) == datetime(2026, 3, 2, tzinfo=TIME_ZONE)
    assert window_start("MONTH", at) == datetime(2026, 3, 1, tzinfo=TIME_ZONE)
    assert window_start("WAVE", at, slots) == slots[0]
    assert window_start("WAVE", slots[0], slots) == slots[0]
    assert window_start("WAVE", slots[0] - timedelta(microseconds=1), slots) == slots[1]
    assert window_start("TOTAL", at) == ALWAYS


def test_one_a_month() -> None:
    batch = campaign_live(batches=[BatchPlan(limits=(limit("BATCH", "MONTH"),))]).batch
    person = enrolment_make()
    assert codes(claim(batch, person)) == []
    last = datetime(2026, 3, 31, 23, 59, 59, tzinfo=TIME_ZONE)
    assert codes(claim(batch, person, last)) == ["claim.person_limit"]


def test_one_a_wave_is_one_more_when_the_next_wave_opens() -> None:
    plan = BatchPlan(units=20, open_units=10, limits=(limit("BATCH", "WAVE"),))
    batch = campaign_live(batches=[plan]).batch
    person = enrolment_make()
    assert codes(claim(batch, person)) == []
    following = OPENED_AT + timedelta(hours=2)
    assert codes(claim(batch, person, following)) == ["claim.person_limit"]
    release_open(batch, units=5, at=following)
    before = following - timedelta(microseconds=1)
    assert codes(claim(batch, person, before)) == ["claim.person_limit"]
    assert codes(claim(batch, person, following)) == []
    assert codes(claim(batch, person, following)) == ["claim.person_limit"]


def test_a_wave_that_is_due_counts_from_its_slot_before_any_tick_has_opened_it() -> None:
    """Whose claim is decided by what is left of the wave before has claimed in the new one."""
    plan = BatchPlan(units=20, open_units=10, limits=(limit("BATCH", "WAVE"),))
    batch = campaign_live(batches=[plan]).batch
    person = enrolment_make()
    following = OPENED_AT + timedelta(hours=2)
    planned(batch, following)
    assert codes(claim(batch, person, following)) == []
    assert set(LimitUse.objects.values_list("window_start", flat=True)) == {following}
    later = following + timedelta(seconds=5)
    assert codes(claim(batch, person, later)) == ["claim.person_limit"]


def test_a_group_counts_its_batches_together_and_no_other() -> None:
    rule = limit("GROUP", "DAY")
    plans = [
        BatchPlan(face_fen=face, limits=(rule,), rules={"group": group})
        for face, group in ((3_000, "food"), (2_000, "food"), (1_000, "fuel"))
    ]
    live = campaign_live(batches=plans)
    person = enrolment_make()
    assert codes(claim(live.batches[0], person)) == []
    assert codes(claim(live.batches[1], person)) == ["claim.person_limit"]
    assert codes(claim(live.batches[2], person)) == []


def conflicting() -> list[Batch]:
    """Return two batches of groups that exclude each other, and one that takes no part."""
    plans = [
        BatchPlan(face_fen=3_000, limits=(FREE,), rules={"group": "food", "conflicts": ("fuel",)}),
        BatchPlan(face_fen=2_000, limits=(FREE,), rules={"group": "fuel", "conflicts": ("food",)}),
        BatchPlan(face_fen=1_000, limits=(FREE,)),
    ]
    return list(campaign_live(batches=plans).batches)


def test_who_claimed_from_one_group_gets_nothing_of_the_other() -> None:
    food, fuel, other = conflicting()
    person = enrolment_make()
    assert codes(claim(food, person)) == []
    assert codes(claim(food, person)) == []
    refused = claim(fuel, person, OPENED_AT + timedelta(days=20))
    # Once, although document and mobile both say so.
    assert refused.refusals == (Refusal("claim.group_conflict", {"group": "food"}),)
    assert codes(claim(other, person)) == []
    stranger = enrolment_make()
    assert codes(claim(fuel, stranger)) == []
    assert codes(claim(food, stranger)) == ["claim.group_conflict"]


def test_another_account_with_the_same_phone_is_excluded_too() -> None:
    food, fuel, _ = conflicting()
    client = client_make()
    person = enrolment_make(client)
    other = enrolment_make(client, shared=[key_of(person, "MOBILE")])
    assert codes(claim(food, person)) == []
    assert codes(claim(fuel, other)) == ["claim.group_conflict"]
    assert codes(claim(food, other)) == []


def test_a_refused_claim_leaves_no_trace_in_its_own_group() -> None:
    food, fuel, _ = conflicting()
    person = enrolment_make()
    claim(food, person)
    before = set(LimitUse.objects.values_list("limit_id", "window_start", "key_id", "used"))
    claim(fuel, person)
    after = set(LimitUse.objects.values_list("limit_id", "window_start", "key_id", "used"))
    assert after == before
