"""Each check of grants fires when its rule is broken, and only that one."""

import pytest

from core.access.models import Client
from core.embedded.record import ServiceUrls
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.grants import grant_done, grant_made, people_make, public_ids
from tests.factories.merchants import client_make
from tests.invariants.helpers import assert_fires, assert_sound, corrupt
from tests.support.moments import business_time_set
from vouchers.grant_checks import GRANT_CHECKS
from vouchers.models import Grant

pytestmark = pytest.mark.broken_books
GRANT, CHUNK, CLAIM = "vouchers_grant", "vouchers_grantchunk", "vouchers_claim"
IS_CLAIMS, NAMES = "vouchers.grant_is_claims", "vouchers.grant_names_its_people"


@pytest.fixture(autouse=True)
def grant(own_database: ServiceUrls) -> Grant:
    """A list of three, one of whom was refused."""
    business_time_set(OPENED_AT)
    channel = client_make(Client.Kind.CHANNEL)
    batch = campaign_live(batches=[BatchPlan(units=2)]).batch
    made = grant_made(batch, channel, public_ids(people_make(channel, 3)))
    grant_done(made)
    assert (made.granted, made.refused) == (2, 1)
    assert_sound()
    return made


CASES = [
    (IS_CLAIMS, "UPDATE vouchers_grant SET granted = 1, refused = 2", [GRANT]),
    (IS_CLAIMS, "UPDATE vouchers_grantchunk SET granted = 3", [CHUNK]),
    (IS_CLAIMS, "UPDATE vouchers_grantchunk SET decided_at = NULL", [CHUNK]),
    (IS_CLAIMS, "UPDATE vouchers_grant SET state = 'DRAFT'", [GRANT]),
    (
        NAMES,
        "UPDATE vouchers_grantchunk SET people = people[2:3] || people[1:1]",
        [CHUNK],
    ),
    (
        NAMES,
        "UPDATE vouchers_claim SET idempotency_key = idempotency_key || '9'"
        " WHERE idempotency_key LIKE '%:1'",
        [CLAIM],
    ),
]


@pytest.mark.parametrize(("name", "statement", "disable"), CASES)
def test_a_check_finds_what_it_is_for(name: str, statement: str, disable: list[str]) -> None:
    corrupt(statement, disable=disable)
    assert_fires(name)


def test_a_claim_that_says_it_was_granted_by_nothing() -> None:
    corrupt(
        "UPDATE vouchers_claim SET idempotency_key ="
        " 'grant:' || replace(gen_random_uuid()::text, '-', '') || ':1'"
        " WHERE idempotency_key LIKE '%:1'",
        disable=[CLAIM],
    )
    assert_fires(IS_CLAIMS, also=[NAMES])


def test_every_check_has_a_case() -> None:
    assert {name for name, _title, _sql in GRANT_CHECKS} == {case[0] for case in CASES}
