"""The first page: figures of the own region, exact, from the last snapshot; what waits for whom."""

from fractions import Fraction

import pytest

from core.access.models import Role
from core.embedded.record import ServiceUrls
from core.jobs.models import ScheduledTick
from core.jobs.schedules import tick_job_run
from core.ledger.models import AccountKind
from redemption.dashboard.figures import figures_read
from redemption.dashboard.snapshot import AT_STORES, JOB, snapshot_last
from redemption.dashboard.todo import approvals_waiting, todo_read
from redemption.models import ExceptionItem
from redemption.services.cancel import redemptions_cancel
from redemption.settlement.metrics import AtStores
from tests.factories.campaigns import approval_make, campaign_live, later
from tests.factories.merchants import (
    LIUBEI,
    LIUZHOU,
    NANNING,
    PROVINCE,
    acquirer_client,
    store_make,
    terminal_make,
)
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    cancel_command,
    confirmed_make,
    shop_make,
)
from tests.factories.staff import staff_make
from tests.factories.world import world_make
from tests.invariants.helpers import corrupt
from tests.redemption.settlement.factories import reduced
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
def test_a_city_sees_what_higher_campaigns_brought_to_its_stores_and_nothing_else() -> None:
    near, far = terminal_make(store_make()), terminal_make(store_make(region=LIUBEI))
    live = campaign_live(stores=[near.store, far.store])
    here = Shop(live, near, acquirer_client(near.acquirer))
    there = Shop(live, far, acquirer_client(far.acquirer))
    paid, cancelled = confirmed_make(here), confirmed_make(here)
    for _payment in range(3):
        confirmed_make(there)
    accepted(redemptions_cancel(commands=[cancel_command(cancelled, at=AT)]))
    reduced(paid, 1_500, AT)
    take()
    city = Staff.of(Role.SETTLEMENT_MAKER, region=NANNING)
    figures = figures_read(user=city.user)
    assert figures.campaigns == 0
    assert [one.title for one in figures.upper] == [live.campaign.title]
    # 100.00 less a refund of 50.00 (half of 30.00 subsidy); the cancelled payment is gone.
    assert figures.at_stores == AtStores(1, 1, 3_000, 1_500, 5_000)
    assert figures.at_stores.subsidy_net_fen == 1_500
    text = city.html("/admin/")
    for words in (
        "本地区没有自办活动，因此没有投放、领取和账务数据。",
        "上级活动在本地区门店的核销",
        live.campaign.title,
        "共 1 笔",
        "其后已退 15.00 元",
        "3.33 倍",
    ):
        assert words in text, words
    assert "账平状态" not in text
    cards = {card["title"]: card["figure"] for card in store_cards(city)}
    assert cards == {
        "核销": "1",
        "核销金额（补贴）": "30.00",
        "直接带动额": "50.00",
        "综合撬动比": "3.33 倍",
    }
    other = figures_read(user=staff_make(Role.SETTLEMENT_MAKER, region=LIUZHOU))
    assert other.at_stores == AtStores(3, 3, 9_000, 0, 30_000)
    owner = Staff.of(Role.SETTLEMENT_MAKER, region=PROVINCE)
    assert figures_read(user=owner.user).at_stores == AtStores()
    text = owner.html("/admin/")
    assert "账平状态" in text
    assert "上级活动" not in text


@in_database
def test_a_city_without_any_campaign_is_told_so() -> None:
    shop_make(region=LIUZHOU, regions=[LIUZHOU])
    take()
    page = Staff.of(Role.SETTLEMENT_MAKER, region=NANNING)
    text = page.html("/admin/")
    assert "本地区没有自办活动，也没有覆盖本地区的上级活动" in text
    assert "门店的核销" not in text


@in_database
def test_a_city_with_a_campaign_of_its_own_sees_both_apart() -> None:
    own = shop_make(region=NANNING)
    confirmed_make(own)
    upper = shop_make()
    confirmed_make(upper)
    confirmed_make(upper)
    take()
    figures = figures_read(user=staff_make(Role.SETTLEMENT_MAKER, region=NANNING))
    assert (figures.campaigns, figures.redeemed.units, figures.at_stores.units) == (1, 1, 2)
    assert [one.campaign_id for one in figures.upper] == [upper.live.campaign.pk]


@in_database
def test_figures_taken_before_stores_were_told_apart_are_still_read() -> None:
    shop = shop_make()
    confirmed_make(shop)
    take()
    tick = ScheduledTick.objects.get(job=JOB)
    tick.detail = {key: row for key, row in tick.detail.items() if key != AT_STORES}
    tick.save(update_fields=["detail"])
    snapshot = snapshot_last()
    assert snapshot is not None
    assert snapshot.campaigns[shop.live.campaign.pk].units == 1
    assert snapshot.at_stores == {}


def store_cards(page: Staff) -> list[dict[str, str]]:
    """Return the cards about the own stores on the first page."""
    cards: list[dict[str, str]] = page.get("/admin/").context["store_cards"]
    return cards


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
