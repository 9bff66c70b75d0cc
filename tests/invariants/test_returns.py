"""Each check of return vouchers fires when its rule is broken."""

from datetime import timedelta
from uuid import UUID

import pytest

from core.embedded.record import ServiceUrls
from redemption.checks import RETURN_CHECKS
from redemption.models import Reward
from redemption.services.cancel import redemptions_cancel
from tests.factories.redemption import AT, accepted, cancel_command, confirmed_make
from tests.factories.returns import events_deliver, returns_shop
from tests.invariants.helpers import assert_sound, checks_failing, corrupt
from tests.support.moments import business_time_set

pytestmark = pytest.mark.broken_books
CLAIMED, TAKEN_BACK = (name for name, _title, _sql in RETURN_CHECKS)


@pytest.fixture
def kept(own_database: ServiceUrls) -> UUID:
    """A payment whose return voucher nobody has used, and one that was undone; all sound."""
    shop, _back = returns_shop()
    undone, kept = confirmed_make(shop), confirmed_make(shop)
    events_deliver()
    accepted(redemptions_cancel(commands=[cancel_command(undone)]))
    events_deliver()
    business_time_set(AT + timedelta(hours=2))
    assert_sound()
    return kept


def test_a_return_voucher_without_its_purchase(kept: UUID) -> None:
    corrupt(
        "DELETE FROM redemption_reward WHERE source_id = %s", [kept], disable=["redemption_reward"]
    )
    assert checks_failing() == {CLAIMED: 1}


def test_a_reward_of_somebody_else(kept: UUID) -> None:
    corrupt(
        "UPDATE redemption_reward r SET enrolment_id = o.enrolment_id FROM redemption_reward o"
        " WHERE r.source_id = %s AND o.source_id <> r.source_id",
        [kept],
        disable=["redemption_reward"],
    )
    assert checks_failing() == {CLAIMED: 1}


def test_one_that_was_never_taken_back(kept: UUID) -> None:
    undone = Reward.objects.exclude(source_id=kept).get()
    corrupt(
        "UPDATE redemption_reward SET state = 'ISSUED', reversed_at = NULL WHERE id = %s",
        [undone.pk],
        disable=["redemption_reward"],
    )
    assert checks_failing() == {TAKEN_BACK: 1}
