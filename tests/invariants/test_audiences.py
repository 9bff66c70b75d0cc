"""Each check of audiences fires when its rule is broken, and only that one."""

import pytest

from core.access.models import Client
from core.embedded.record import ServiceUrls
from tests.factories.audiences import (
    agreed,
    aimed,
    audience_make,
    documents,
    enrolled,
    list_made,
)
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.claims import vouchers_issued
from tests.factories.grants import grant_done, grant_made, public_ids
from tests.factories.merchants import client_make
from tests.invariants.helpers import assert_fires, assert_sound, corrupt
from tests.support.moments import business_time_set
from vouchers.audience_checks import AUDIENCE_CHECKS

pytestmark = pytest.mark.broken_books
LIST, MEMBER = "vouchers_audiencesnapshot", "vouchers_audiencemember"
IS_MEMBERS = "vouchers.audience_list_is_members"
KNOWN = "vouchers.audience_members_known"
CLAIMED = "vouchers.audience_members_claimed"


@pytest.fixture(autouse=True)
def _books(own_database: ServiceUrls) -> None:
    """Two lists, a member's claim under the first, a grant to somebody on neither."""
    audience = audience_make()
    agreed(list_made(audience, documents(1, 2)))
    live = campaign_live(batches=[aimed(), BatchPlan(limits=())])
    channel = client_make(Client.Kind.CHANNEL)
    member, stranger = enrolled(channel, [1, 3])
    vouchers_issued(live.batch, enrolments=[member])
    vouchers_issued(live.batches[1], enrolments=[stranger])
    business_time_set(OPENED_AT)
    grant_done(grant_made(live.batch, channel, public_ids([stranger])))
    agreed(list_made(audience, documents(4)), now=OPENED_AT)
    list_made(audience, ["x"])
    assert_sound()


CASES = [
    (IS_MEMBERS, "UPDATE vouchers_audiencesnapshot SET members = members + 1", [LIST]),
    (
        IS_MEMBERS,
        "UPDATE vouchers_audiencesnapshot SET in_force_at = '2026-01-01' WHERE number = 2",
        [LIST],
    ),
    (
        KNOWN,
        "UPDATE vouchers_audiencemember SET key_id = -1 WHERE snapshot_id IN"
        " (SELECT id FROM vouchers_audiencesnapshot WHERE number = 2)",
        [MEMBER],
    ),
    (
        CLAIMED,
        "UPDATE vouchers_audiencesnapshot SET in_force_at = in_force_at + interval '2 days'"
        " WHERE in_force_at IS NOT NULL",
        [LIST],
    ),
]


@pytest.mark.parametrize(("name", "statement", "disable"), CASES)
def test_a_check_finds_what_it_is_for(name: str, statement: str, disable: list[str]) -> None:
    corrupt(statement, disable=disable)
    assert_fires(name)


def test_every_check_has_a_case() -> None:
    assert {name for name, _title, _sql in AUDIENCE_CHECKS} == {case[0] for case in CASES}
