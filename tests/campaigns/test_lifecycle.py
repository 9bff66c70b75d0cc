"""Pausing, stopping, restarting, ending, and closing with what is left per funder."""

from datetime import datetime, timedelta

import pytest

from campaigns.errors import CloseBlockedError
from campaigns.models import Campaign
from campaigns.services.closing import (
    campaign_audit,
    campaign_clear,
    campaign_close_request,
    leftovers_book,
)
from campaigns.services.funds import funds_movement_request
from campaigns.services.lifecycle import (
    campaign_end,
    campaign_pause,
    campaign_restart_request,
    campaign_stop,
)
from core.access.errors import ReasonRequiredError
from core.access.models import Role, User
from core.access.roles import PermissionRefusedError
from core.approvals.errors import MakerIsCheckerError
from core.approvals.services import approval_decide
from core.clock import TIME_ZONE
from core.ledger.models import AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.models import Approval, AuditEvent, Entry, OutboxEvent
from core.states import StateConflictError
from tests.factories.approvals import approve
from tests.factories.running import balances, campaign_running
from tests.factories.staff import staff_make
from vouchers.models import Batch
from vouchers.services.releases import quota_release_close, quota_release_open

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
AFTER = FIRST + timedelta(days=40)


@pytest.fixture
def maker() -> User:
    return staff_make(Role.CAMPAIGN_MAKER)


@pytest.fixture
def campaign() -> Campaign:
    return campaign_running()


def test_pause_stops_claims_only_and_stop_both(campaign: Campaign, maker: User) -> None:
    paused = campaign_pause(campaign_id=campaign.pk, reason="检修", actor=maker, now=FIRST)
    assert (paused.state, paused.redemptions_on) == ("PAUSED", True)
    stopped = campaign_stop(campaign_id=campaign.pk, reason="发现套现", actor=maker, now=FIRST)
    assert (stopped.state, stopped.redemptions_on) == ("PAUSED", False)
    events = AuditEvent.objects.filter(action__in=("campaign.pause", "campaign.stop"))
    assert sorted(events.values_list("action", "reason")) == [
        ("campaign.pause", "检修"),
        ("campaign.stop", "发现套现"),
    ]
    assert OutboxEvent.objects.filter(topic="campaign.state_changed").count() == 5


def test_pausing_twice_is_one_pause(campaign: Campaign, maker: User) -> None:
    for _turn in range(2):
        campaign_pause(campaign_id=campaign.pk, reason="检修", actor=maker, now=FIRST)
    assert AuditEvent.objects.filter(action="campaign.pause").count() == 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_pause_needs_a_reason(campaign: Campaign, maker: User, reason: str) -> None:
    with pytest.raises(ReasonRequiredError):
        campaign_pause(campaign_id=campaign.pk, reason=reason, actor=maker, now=FIRST)
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"


@pytest.mark.parametrize("role", [Role.LIST_MAKER, Role.SETTLEMENT_MAKER, Role.SERVICE_DESK])
def test_others_may_not_pause(campaign: Campaign, role: str) -> None:
    with pytest.raises(PermissionRefusedError):
        campaign_pause(campaign_id=campaign.pk, reason="x", actor=staff_make(role), now=FIRST)
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"


def test_a_restart_takes_two_people(campaign: Campaign, maker: User) -> None:
    campaign_stop(campaign_id=campaign.pk, reason="发现套现", actor=maker, now=FIRST)
    approval = campaign_restart_request(
        campaign_id=campaign.pk, reason="已处置", actor=maker, now=FIRST
    )
    campaign.refresh_from_db()
    assert campaign.state == "PAUSED"
    with pytest.raises(MakerIsCheckerError):
        approval_decide(approval_id=approval.pk, checker=maker, agree=True, now=FIRST)
    approve(approval, now=FIRST)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.redemptions_on) == ("LIVE", True)


def test_only_a_paused_campaign_can_be_restarted(campaign: Campaign, maker: User) -> None:
    with pytest.raises(StateConflictError):
        campaign_restart_request(campaign_id=campaign.pk, reason="x", actor=maker, now=FIRST)
    assert not Approval.objects.filter(kind="campaign.restart").exists()


def close(campaign: Campaign, maker: User) -> None:
    campaign_end(campaign_id=campaign.pk, reason="期满", actor=maker, now=AFTER)
    quota_release_close(now=AFTER)
    campaign_clear(campaign_id=campaign.pk, actor=maker, now=AFTER)
    campaign_audit(
        campaign_id=campaign.pk, document_no="审1号", conclusion="无保留", actor=maker, now=AFTER
    )
    approve(
        campaign_close_request(campaign_id=campaign.pk, reason="审计完成", actor=maker, now=AFTER),
        now=AFTER,
    )
    campaign.refresh_from_db()


def fund(campaign: Campaign, position: int, kind: str, fen: int, number: str) -> None:
    funder_id = campaign.fundings.get(position=position).funder_id
    approval = funds_movement_request(
        campaign_id=campaign.pk,
        funder_id=funder_id,
        kind=kind,
        amount_fen=fen,
        document_no=number,
        value_date=FIRST.date(),
        actor=staff_make(Role.SETTLEMENT_MAKER),
        now=FIRST,
    )
    approve(approval, now=FIRST)


def test_closing_returns_what_is_left_per_funder(campaign: Campaign, maker: User) -> None:
    fund(campaign, 0, "RECEIVED", 150_000, "收1号")
    quota_release_open(now=FIRST)
    close(campaign, maker)
    assert campaign.state == "CLOSED"
    # 财政: 2,000.00 left, 1,500.00 of it in cash; bank and merchants never paid.
    assert balances(campaign) == {"CASH": 150_000, "RETURN_PAYABLE": 150_000}
    assert list(
        Entry.objects.filter(code__in=("BATCH_CLOSE", "CAMPAIGN_CLOSE"))
        .order_by("code")
        .values_list("code", flat=True)
    ) == ["BATCH_CLOSE", "CAMPAIGN_CLOSE"]
    fund(campaign, 0, "INTEREST", 88, "息1号")
    fund(campaign, 0, "LEFTOVER_RETURNED", 150_088, "缴1号")
    assert balances(campaign) == {}


def test_open_money_keeps_a_campaign_open(campaign: Campaign, maker: User) -> None:
    quota_release_open(now=FIRST)
    campaign_end(campaign_id=campaign.pk, reason="期满", actor=maker, now=AFTER)
    campaign_clear(campaign_id=campaign.pk, actor=maker, now=AFTER)
    with pytest.raises(CloseBlockedError) as refused:
        campaign_audit(
            campaign_id=campaign.pk, document_no="审1号", conclusion="x", actor=maker, now=AFTER
        )
    assert [(one.name, one.reason) for one in refused.value.invalid_params] == [
        ("已投放未领取", "尚有余额 1800.00 元")
    ]
    campaign.refresh_from_db()
    assert campaign.state == "CLEARING"


def test_money_that_comes_back_after_the_close_is_returned_too(
    campaign: Campaign, maker: User
) -> None:
    fund(campaign, 0, "RECEIVED", 200_000, "收1号")
    close(campaign, maker)
    treasury = campaign.fundings.get(position=0).funder_id
    batch = Batch.objects.get(campaign=campaign)
    assert balances(campaign) == {"CASH": 200_000, "RETURN_PAYABLE": 200_000}
    for key, transfer in enumerate(
        (
            Transfer(treasury, AccountKind.RETURN_PAYABLE, AccountKind.CASH, 500),
            Transfer(treasury, AccountKind.CASH, AccountKind.ALLOCATED, 500, credit_unit=batch.pk),
        )
    ):
        entry_post(
            code=EntryCode.REFUND,
            campaign_id=campaign.pk,
            source_key=f"test:{key}",
            business_date=AFTER.date(),
            at=AFTER,
            transfers=[transfer],
        )
    assert leftovers_book(now=AFTER) == 1
    assert balances(campaign) == {"CASH": 200_000, "RETURN_PAYABLE": 200_000}
    assert leftovers_book(now=AFTER) == 0
