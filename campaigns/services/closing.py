"""Clearing, audit and closing of an ended campaign; what is left goes back per funder."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.closing import close_blockers
from campaigns.errors import CloseBlockedError
from campaigns.locks import campaign_lock
from campaigns.models import Campaign, CampaignState, Funder
from campaigns.services.money import balance_fen, quota_source
from campaigns.services.recording import (
    campaign_audit_record,
    campaign_state_change,
    reason_required,
)
from campaigns.states import CAMPAIGN_STATES
from core.access.models import User
from core.access.roles import assert_may
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.clock import business_date
from core.ids import new_id
from core.ledger.models import Account, AccountKind, EntryCode
from core.ledger.services import Transfer, entry_post
from core.money import yuan_text
from core.transactions import retry_conflicts, transaction, transaction_joined

CLOSE_KIND = "campaign.close"
SUBJECT_TYPE = "campaigns.campaign"


@retry_conflicts
def campaign_clear(*, campaign_id: UUID, actor: User, now: datetime) -> Campaign:
    """Begin clearing (清算) of an ended campaign.

    Raises:
        StateConflictError: it is not ended.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        assert_may(actor, "campaigns.end_campaign", campaign.owner_region)
        campaign_state_change(
            campaign, CampaignState.CLEARING, action="campaign.clear", actor=actor, now=now
        )
    return campaign


@retry_conflicts
def campaign_audit(
    *, campaign_id: UUID, document_no: str, conclusion: str, actor: User, now: datetime
) -> Campaign:
    """Record the audit's report (number and conclusion) on a campaign that is being cleared.

    Raises:
        CloseBlockedError: money or cases are still open; each is listed.
        StateConflictError, ReasonRequiredError.
    """
    number, text = reason_required(document_no), reason_required(conclusion)
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        assert_may(actor, "campaigns.close_campaign", campaign.owner_region)
        CAMPAIGN_STATES.assert_transition(campaign.state, CampaignState.AUDITED)
        _assert_clear(campaign)
        campaign_state_change(
            campaign,
            CampaignState.AUDITED,
            action="campaign.audit",
            actor=actor,
            now=now,
            reason=text,
            data={"document_no": number},
        )
    return campaign


@retry_conflicts
def campaign_close_request(
    *, campaign_id: UUID, reason: str, actor: User, now: datetime
) -> Approval:
    """Ask to close an audited campaign and book what is left for return; a second person agrees.

    Raises:
        CloseBlockedError, StateConflictError, PendingExistsError, ReasonRequiredError.
    """
    text = reason_required(reason)
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        if campaign.state != CampaignState.AUDITED:
            raise CAMPAIGN_STATES.conflict(campaign.state, CampaignState.CLOSED)
        _assert_clear(campaign)
        return approval_request(
            kind=CLOSE_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=campaign.pk,
            title=_("关闭活动：%(title)s") % {"title": campaign.title},
            maker=actor,
            owner_region=campaign.owner_region,
            now=now,
            amount_fen=sum(fen for *_rest, fen in _left(campaign)),
            payload={"code": campaign.code},
            reason=text,
        )


def close_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return what is left per funder and account kind, so that nothing moves unseen."""
    campaign = Campaign.objects.get(pk=subject_id)
    return [
        {"kind": kind, "funder": str(funder_id), "unit": str(unit_id), "fen": fen}
        for kind, funder_id, unit_id, fen in _left(campaign)
    ]


def close_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say what is left per funder and where it goes."""
    campaign = Campaign.objects.get(pk=subject_id)
    if campaign.state == CampaignState.CLOSED:
        return [_("活动已关闭，结余已按出资方登记缴回或冲销")]
    totals = _left_totals(_left(campaign))
    if not totals:
        return [_("没有结余，关闭后不再发生收支")]
    names = dict(Funder.objects.filter(pk__in=totals).values_list("pk", "name"))
    lines = []
    for funder_id, fen in totals.items():
        cash = min(fen, _free_cash(campaign, funder_id))
        lines.append(
            _("%(name)s：结余 %(left)s 元，其中缴回现金 %(cash)s 元，冲销额度 %(rest)s 元")
            % {
                "name": names[funder_id],
                "left": yuan_text(fen),
                "cash": yuan_text(cash),
                "rest": yuan_text(fen - cash),
            }
        )
    return lines


def close_approved(approval: Approval, now: datetime) -> None:
    """Close a campaign and book what is left per funder."""
    campaign = campaign_lock(UUID(approval.subject_id))
    _assert_clear(campaign)
    campaign_state_change(
        campaign,
        CampaignState.CLOSED,
        action="campaign.close",
        actor=approval.maker,
        now=now,
        reason=approval.reason,
        data={"approval": approval.pk},
    )
    _leftover_book(campaign, now)


CLOSE_APPROVAL = ApprovalKind(
    kind=CLOSE_KIND,
    title="关闭活动",
    snapshot=close_snapshot,
    on_approved=close_approved,
    maker_action="campaigns.close_campaign",
    checker_action="campaigns.approve_campaign",
    director_action="campaigns.sign_campaign",
    describe=close_words,
)


def leftovers_book(*, now: datetime) -> int:
    """Book what came back to closed campaigns since (late refunds); returns how many had some.

    Rollover is a chain of events (domain-rules §8): money that arrives after the close is returned
    too. Safe to run twice.
    """
    late = Account.objects.filter(
        kind__in=(AccountKind.ALLOCATED, AccountKind.AVAILABLE), balance_fen__gt=0
    )
    closed = Campaign.objects.filter(
        state=CampaignState.CLOSED, pk__in=late.order_by().values("campaign_id")
    ).order_by("pk")
    return sum(
        _leftover_late(campaign_id, now) for campaign_id in closed.values_list("pk", flat=True)
    )


@retry_conflicts
def _leftover_late(campaign_id: UUID, now: datetime) -> bool:
    with transaction():
        campaign = campaign_lock(campaign_id)
        booked = _leftover_book(campaign, now)
        if booked:
            campaign_audit_record(
                campaign, "campaign.leftover", actor=None, now=now, data={"fen": booked}
            )
        return bool(booked)


def _leftover_book(campaign: Campaign, now: datetime) -> int:
    """Book allocated → available → return payable, receivable or concession; returns the fen."""
    key = new_id()
    modes = dict(campaign.fundings.values_list("funder_id", "mode"))
    left = _left(campaign)
    batches = [
        Transfer(funder_id, AccountKind.ALLOCATED, AccountKind.AVAILABLE, fen, unit_id)
        for kind, funder_id, unit_id, fen in left
        if kind == AccountKind.ALLOCATED
    ]
    totals = _left_totals(left)
    returned: list[Transfer] = []
    for funder_id, fen in totals.items():
        source = quota_source(modes[funder_id])
        cash = min(fen, _free_cash(campaign, funder_id))
        returned += [
            Transfer(funder_id, AccountKind.AVAILABLE, AccountKind.RETURN_PAYABLE, cash),
            Transfer(funder_id, AccountKind.AVAILABLE, source, fen - cash),
        ]
    for code, transfers in (
        (EntryCode.BATCH_CLOSE, batches),
        (EntryCode.CAMPAIGN_CLOSE, returned),
    ):
        entry_post(
            code=code,
            campaign_id=campaign.pk,
            source_key=f"{code.lower()}:{campaign.pk}:{key}",
            business_date=business_date(now),
            at=now,
            transfers=transfers,
        )
    return sum(totals.values())


def _free_cash(campaign: Campaign, funder_id: UUID) -> int:
    """Cash that is not already owed back; 商户让利 never has any."""
    return balance_fen(campaign.pk, AccountKind.CASH, funder_id) - balance_fen(
        campaign.pk, AccountKind.RETURN_PAYABLE, funder_id
    )


def _left(campaign: Campaign) -> list[tuple[str, UUID, UUID, int]]:
    accounts = Account.objects.filter(
        campaign_id=campaign.pk,
        kind__in=(AccountKind.ALLOCATED, AccountKind.AVAILABLE),
        balance_fen__gt=0,
    )
    return list(accounts.order_by("pk").values_list("kind", "funder_id", "unit_id", "balance_fen"))


def _left_totals(left: Iterable[tuple[str, UUID, UUID, int]]) -> dict[UUID, int]:
    totals: dict[UUID, int] = {}
    for _kind, funder_id, _unit, fen in left:
        totals[funder_id] = totals.get(funder_id, 0) + fen
    return totals


def _assert_clear(campaign: Campaign) -> None:
    blockers = close_blockers(campaign.pk)
    if blockers:
        raise CloseBlockedError.listed(blockers)
