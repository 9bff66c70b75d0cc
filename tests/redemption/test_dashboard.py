"""The first page: figures of the own region, exact, from the last snapshot; what waits for whom."""

from fractions import Fraction

import pytest

from core.access.models import Role
from core.embedded.record import ServiceUrls
from core.jobs.models import ScheduledTick
from core.jobs.schedules import tick_job_run
from core.ledger.models import AccountKind
from redemption.dashboard.figures import figures_read
from redemption.dashboard.snapshot import JOB, snapshot_last
from redemption.dashboard.todo import approvals_waiting, todo_read
from redemption.models import ExceptionItem
from tests.factories.campaigns import approval_make, later
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE
from tests.factories.redemption import confirmed_make, shop_make
from tests.factories.staff import staff_make
from tests.factories.world import world_make
from tests.invariants.helpers import corrupt
from tests.support.admin import Staff

in_database = pytest.mark.django_db
NOW = later(days=4)


def take() -> None:
    """Take a snapshot as the scheduled job does."""
    assert tick_job_run(name=JOB, now=NOW)


@in_database
def test_figures_are_exact_and_of_the_own_region_only() -> None:
    world_make(NANNING)
    shop_make(region=PROVINCE)
    take()
    figures = figures_read(user=staff_make(Role.CAMPAIGN_MAKER, region=NANNING))
    assert figures.campaigns == 1
    assert (figures.released_units, figures.released_fen) == (100, 300_000)
    assert (figures.claimed_units, figures.claimed_fen) == (4, 12_000)
    redeemed = figures.redeemed
    assert (redeemed.units, redeemed.payments) == (2, 2)
    assert (redeemed.redeemed_fen, redeemed.refunded_fen) == (6_000, 0)
    assert (redeemed.order_net_fen, redeemed.government_net_fen) == (20_000, 4_000)
    assert figures.rate_by_count == Fraction(1, 2)
    assert figures.rate_by_amount == Fraction(1, 2)
    assert figures.leverage_government == 5
    assert figures.leverage_all == Fraction(10, 3)
    assert figures.leverage_issued == Fraction(5, 3)
    assert figures.books.balanced
    nowhere = figures_read(user=staff_make(Role.CAMPAIGN_MAKER, region=LIUZHOU))
    assert (nowhere.campaigns, nowhere.claimed_units, nowhere.redeemed.units) == (0, 0, 0)
    assert nowhere.rate_by_count is None


@in_database
def test_redeemed_figures_are_of_the_snapshot_and_say_when() -> None:
    shop = shop_make()
    user = staff_make(Role.CAMPAIGN_MAKER)
    assert figures_read(user=user).taken_at is None
    confirmed_make(shop)
    take()
    confirmed_make(shop)
    figures = figures_read(user=user)
    assert (figures.claimed_units, figures.redeemed.units) == (2, 1)
    snapshot = snapshot_last()
    assert snapshot is not None
    assert figures.taken_at == snapshot.at <= NOW
    assert ScheduledTick.objects.filter(job=JOB).count() == 1


@in_database
def test_approvals_wait_for_whom_they_belong_to() -> None:
    maker, checker = (staff_make(role) for role in (Role.CAMPAIGN_MAKER, Role.CAMPAIGN_CHECKER))
    approval = approval_make("campaign.version", maker=maker)
    pending = type(approval).objects.create(
        kind="campaign.version",
        subject_type="test",
        subject_id="1",
        title="待批",
        config_hash="0" * 64,
        owner_region=PROVINCE,
        maker=maker,
        created_at=NOW,
    )
    assert approvals_waiting(user=checker) == [pending]
    assert approvals_waiting(user=maker) == []
    assert approvals_waiting(user=staff_make(Role.CAMPAIGN_CHECKER, region=NANNING)) == []
    assert approvals_waiting(user=staff_make(Role.SETTLEMENT_CHECKER)) == []
    assert (todo_read(user=checker).approvals, todo_read(user=maker).approvals) == (1, 0)


@in_database
def test_what_a_person_may_not_see_is_not_counted_for_him() -> None:
    world_make(NANNING)
    assert ExceptionItem.objects.count() == 1
    near = todo_read(user=staff_make(Role.SETTLEMENT_MAKER, region=NANNING))
    far = todo_read(user=staff_make(Role.SETTLEMENT_MAKER, region=LIUZHOU))
    assert (near.exceptions, near.discrepancies, near.cases) == (1, 1, None)
    assert (far.exceptions, far.discrepancies) == (0, 0)
    assert todo_read(user=staff_make(Role.RISK_MAKER, region=NANNING)).cases == 1
    assert todo_read(user=staff_make(Role.SYSTEM_ADMIN)).parked == 0


@pytest.mark.broken_books
def test_books_that_do_not_balance_are_said_so(own_database: ServiceUrls) -> None:
    shop_make()
    page = Staff.login(staff_make(Role.CAMPAIGN_MAKER))
    assert ">账平<" in page.html("/admin/")
    corrupt(
        "UPDATE core_account SET balance_fen = balance_fen + 1 WHERE kind = %s",
        [AccountKind.CASH],
        disable=["core_account"],
    )
    assert figures_read(user=page.user).books.unbalanced == 1
    assert "账不平" in page.html("/admin/")
