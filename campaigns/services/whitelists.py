"""Versions of the list of participating stores (参与商户名单): build, submit, in force."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.errors import WhitelistEmptyError, WhitelistStoresUnknownError
from campaigns.events import WHITELIST_IN_FORCE
from campaigns.locks import campaign_lock, whitelist_lock
from campaigns.models import Campaign, Whitelist, WhitelistEntry
from campaigns.services.descriptions import whitelist_words
from campaigns.states import OVER, WHITELIST_STATES
from core.access.models import User
from core.access.region_codes import subtree_contains
from core.access.roles import assert_may
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.approvals.services import approval_request
from core.audit.services import audit_record
from core.outbox.services import Event, outbox_publish
from core.states import StateConflictError
from core.transactions import retry_conflicts, transaction_joined
from merchants.models import Merchant, Store

WHITELIST_KIND = "campaign.whitelist"
SUBJECT_TYPE = "campaigns.whitelist"
State = Whitelist.State
LISTED = 50
CHUNK = 5_000


@retry_conflicts
def whitelist_build(
    *, campaign_id: UUID, store_nos: Iterable[str], actor: User, now: datetime
) -> Whitelist:
    """Make a new draft version of the list from store numbers; repeats count once.

    A store must exist, lie in the campaign's regions, and its merchant must not be removed (清退).

    Raises:
        WhitelistStoresUnknownError: names the store numbers that cannot take part.
        WhitelistEmptyError: no store number.
        StateConflictError: the campaign is over.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    wanted = list(dict.fromkeys(number.strip() for number in store_nos if number.strip()))
    if not wanted:
        raise WhitelistEmptyError
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        assert_may(actor, "campaigns.add_whitelist", campaign.owner_region)
        if campaign.state in OVER:
            raise StateConflictError(data={"state": campaign.state, "target": State.DRAFT})
        stores = _stores(campaign, wanted)
        number = campaign.whitelists.count() + 1
        whitelist = Whitelist.objects.create(
            campaign=campaign, number=number, owner_region=campaign.owner_region, created_at=now
        )
        WhitelistEntry.objects.bulk_create(
            (WhitelistEntry(whitelist=whitelist, store_id=store_id) for store_id in stores),
            batch_size=CHUNK,
        )
        _audit(whitelist, "whitelist.build", actor, now, {"stores": len(stores)})
    return whitelist


@retry_conflicts
def whitelist_submit(
    *, whitelist_id: UUID, actor: User, now: datetime, reason: str = ""
) -> Approval:
    """Submit a version of the list; from here on its entries are frozen.

    Raises:
        StateConflictError: it is not a draft.
        WhitelistEmptyError: it has no store.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    with transaction_joined():
        whitelist = whitelist_lock(whitelist_id)
        if whitelist.state != State.DRAFT:
            raise WHITELIST_STATES.conflict(whitelist.state, State.SUBMITTED)
        count = whitelist.entries.count()
        if not count:
            raise WhitelistEmptyError
        approval = approval_request(
            kind=WHITELIST_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=whitelist.pk,
            title=_("%(title)s 参与商户名单第 %(number)s 版（%(count)s 家门店）")
            % {
                "title": whitelist.campaign.title,
                "number": whitelist.number,
                "count": count,
            },
            maker=actor,
            owner_region=whitelist.owner_region,
            now=now,
            payload={"campaign": whitelist.campaign.code, "number": whitelist.number},
            reason=reason,
        )
        _move(whitelist, State.SUBMITTED)
    return approval


def whitelist_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return the number of stores and a hash over their numbers in order."""
    digest = hashlib.sha256()
    count = 0
    numbers = WhitelistEntry.objects.filter(whitelist_id=subject_id).order_by("store__store_no")
    for store_no in numbers.values_list("store__store_no", flat=True).iterator(chunk_size=CHUNK):
        digest.update(f"{store_no}\n".encode())
        count += 1
    return {"stores": count, "sha256": digest.hexdigest()}


def whitelist_approved(approval: Approval, now: datetime) -> None:
    """Put a version in force; the one before is superseded in the same moment."""
    campaign_id = Whitelist.objects.values_list("campaign_id", flat=True).get(
        pk=approval.subject_id
    )
    campaign_lock(campaign_id)
    whitelist = whitelist_lock(UUID(approval.subject_id))
    for previous in whitelist.campaign.whitelists.filter(state=State.IN_FORCE):
        _move(previous, State.SUPERSEDED)
    whitelist.approval, whitelist.in_force_at = approval, now
    _move(whitelist, State.IN_FORCE, "approval", "in_force_at")
    stores = whitelist.entries.count()
    _audit(whitelist, "whitelist.in_force", approval.maker, now, {"stores": stores})
    outbox_publish(
        events=[
            Event(
                topic=WHITELIST_IN_FORCE,
                aggregate_type="campaign",
                aggregate_id=campaign_id,
                at=now,
                payload={
                    "code": whitelist.campaign.code,
                    "number": whitelist.number,
                    "stores": stores,
                },
            )
        ]
    )


def whitelist_closed(approval: Approval, now: datetime) -> None:
    """Give a rejected or withdrawn version back to its maker."""
    del now
    _move(whitelist_lock(UUID(approval.subject_id)), State.DRAFT)


WHITELIST_APPROVAL = ApprovalKind(
    kind=WHITELIST_KIND,
    title="参与商户名单",
    snapshot=whitelist_snapshot,
    on_approved=whitelist_approved,
    on_closed=whitelist_closed,
    maker_action="campaigns.submit_whitelist",
    checker_action="campaigns.approve_whitelist",
    director_action="campaigns.sign_whitelist",
    has_amount=False,
    describe=whitelist_words,
)


def _stores(campaign: Campaign, wanted: Sequence[str]) -> list[UUID]:
    found: dict[str, tuple[UUID, str, str]] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = Store.objects.filter(store_no__in=wanted[start : start + CHUNK]).order_by("pk")
        columns = ("store_no", "pk", "region_code", "merchant__state")
        for store_no, store_id, region, state in rows.values_list(*columns):
            found[store_no] = (store_id, region, state)
    problems = []
    for store_no in wanted:
        if store_no not in found:
            problems.append((store_no, _("门店编号不存在")))
            continue
        _pk, region, state = found[store_no]
        if not any(subtree_contains(code, region) for code in campaign.regions):
            problems.append((store_no, _("门店不在活动地区内")))
        elif state == Merchant.State.REMOVED:
            problems.append((store_no, _("商户已清退")))
    if problems:
        raise WhitelistStoresUnknownError.listed(problems[:LISTED])
    return [found[store_no][0] for store_no in wanted]


def _move(whitelist: Whitelist, target: Whitelist.State, *fields: str) -> None:
    WHITELIST_STATES.assert_transition(whitelist.state, target)
    whitelist.state = target
    whitelist.save(update_fields=["state", *fields])


def _audit(
    whitelist: Whitelist,
    action: str,
    actor: User,
    now: datetime,
    data: Mapping[str, object],
) -> None:
    audit_record(
        action=action,
        subject_type=SUBJECT_TYPE,
        subject_id=whitelist.pk,
        now=now,
        actor=actor,
        owner_region=whitelist.owner_region,
        data={"campaign": whitelist.campaign.code, "number": whitelist.number, **data},
    )
