"""Grants (定向发放): a list is sent in, checked, submitted, approved by a second person, granted.

The grant itself is `vouchers.grants.running`; it claims through `vouchers_claim` like everybody.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.states import OVER
from core.access.errors import ReasonRequiredError
from core.access.models import Client, User
from core.access.region_codes import regions_overlap
from core.access.roles import assert_may
from core.approvals.models import Approval
from core.approvals.services import approval_request
from core.audit.services import audit_record
from core.errors import DomainError, InvalidParametersError
from core.jobs.models import Job
from core.jobs.services import job_create
from core.jobs.uploads import Upload, upload_drop, upload_keep
from core.transactions import retry_conflicts, transaction_joined
from vouchers.grants.limits import FILE_BYTES
from vouchers.locks import grant_lock
from vouchers.models import Batch, Grant
from vouchers.rules.model import rules_read
from vouchers.states import GRANT_STATES, GrantState

CHECK_JOB = "vouchers.grant_check"
GRANT_JOB = "vouchers.grant"
GRANT_KIND = "voucher.grant"
SUBJECT_TYPE = "vouchers.grant"
NAME_CHARS = 120


def grant_start(
    *,
    batch_id: UUID,
    client_id: UUID,
    name: str,
    chunks: Iterable[bytes],
    actor: User,
    now: datetime,
) -> Grant:
    """Take a list of accounts of one channel for one batch and queue its check.

    ``chunks`` is the file, XLSX or CSV with one column; ``name`` what the sender calls it.

    Raises:
        InvalidParametersError: the file is empty or too large, the channel does not serve the
            campaign, or the batch asks where a citizen stands, which no list can say.
        StateConflictError: the campaign is over.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    batch = Batch.objects.select_related("campaign", "version").filter(pk=batch_id).first()
    client = Client.objects.filter(pk=client_id, kind=Client.Kind.CHANNEL, is_active=True).first()
    if batch is None or client is None:
        raise DomainError("access.not_found")
    assert_may(actor, "vouchers.add_grant", batch.owner_region)
    _assert_grantable(batch, client)
    upload = upload_keep(chunks=chunks, most_bytes=FILE_BYTES)
    try:
        return _create(batch, client, upload, name=name[:NAME_CHARS], actor=actor, now=now)
    except BaseException:
        upload_drop(upload.id)
        raise


def _assert_grantable(batch: Batch, client: Client) -> None:
    if batch.campaign.state in OVER:
        raise GRANT_STATES.conflict(batch.campaign.state, GrantState.DRAFT)
    if batch.version is None:
        raise InvalidParametersError.one("batch", _("批次的规则尚未批准"))
    if batch.pack_id is not None:
        raise InvalidParametersError.one("batch", _("该批次随券包发放，请选择券包"))
    rules = rules_read(batch.version.rules)
    if rules.issuing != "CLAIM":
        raise InvalidParametersError.one("batch", _("该批次不是领取的券，不能定向发放"))
    if rules.location.at_claim:
        reason = _("该批次领取时须校验位置，不能定向发放")
        raise InvalidParametersError.one("batch", reason)
    if not any(regions_overlap(code, client.owner_region) for code in batch.campaign.regions):
        raise InvalidParametersError.one("client", _("该渠道不服务于活动地区"))


def _create(
    batch: Batch, client: Client, upload: Upload, *, name: str, actor: User, now: datetime
) -> Grant:
    with transaction_joined():
        grant = Grant.objects.create(
            batch=batch,
            client=client,
            name=name,
            file_sha256=upload.sha256,
            owner_region=batch.owner_region,
            created_by=actor,
            created_at=now,
        )
        grant.check_job = job_create(
            kind=CHECK_JOB,
            title=_("校验发放名单：%(name)s") % {"name": name},
            params={
                "grant": grant.pk,
                "upload": upload.id,
                "key_version": upload.key_version,
                "size": upload.size,
                "sha256": upload.sha256,
            },
            owner_region=grant.owner_region,
            created_by=actor,
            now=now,
        )
        grant.save(update_fields=["check_job"])
    return grant


@retry_conflicts
def grant_submit(*, grant_id: UUID, actor: User, now: datetime, reason: str = "") -> Approval:
    """Submit a checked list; a second person agrees to exactly these people and this batch.

    Raises:
        StateConflictError: it is not a draft.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    with transaction_joined():
        grant = grant_lock(grant_id)
        if grant.state != GrantState.DRAFT:
            raise GRANT_STATES.conflict(grant.state, GrantState.SUBMITTED)
        approval = approval_request(
            kind=GRANT_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=grant.pk,
            title=_("定向发放：%(batch)s，%(people)s 人")
            % {"batch": grant.batch.name, "people": grant.people},
            maker=actor,
            owner_region=grant.owner_region,
            now=now,
            amount_fen=grant.people * grant.batch.face_fen,
            payload={"people": grant.people},
            reason=reason,
        )
        grant_move(grant, GrantState.SUBMITTED)
    return approval


@retry_conflicts
def grant_cancel(*, grant_id: UUID, reason: str, actor: User, now: datetime) -> Grant:
    """Give up a checked list that was not approved.

    Raises:
        ReasonRequiredError: no reason.
        StateConflictError: it is not a draft; a submitted one is taken back first.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        grant = grant_lock(grant_id)
        assert_may(actor, "vouchers.add_grant", grant.owner_region)
        grant_move(grant, GrantState.CANCELLED)
        audit_record(
            action="grant.cancel",
            subject_type=SUBJECT_TYPE,
            subject_id=grant.pk,
            now=now,
            actor=actor,
            owner_region=grant.owner_region,
            reason=reason,
        )
    return grant


@retry_conflicts
def grant_resume(*, grant_id: UUID, actor: User, now: datetime) -> Job:
    """Go on with an approved grant whose job failed; nobody gets a second voucher.

    Raises:
        StateConflictError: it is not being granted, or its job is still at work.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    with transaction_joined():
        grant = grant_lock(grant_id)
        assert_may(actor, "vouchers.add_grant", grant.owner_region)
        if grant.state != GrantState.GRANTING or not job_is_lost(grant):
            raise GRANT_STATES.conflict(grant.state, GrantState.GRANTING)
        return grant_job_create(grant, created_by=actor, now=now)


def job_is_lost(grant: Grant) -> bool:
    """Tell whether the job of a grant ended without having decided everybody."""
    return grant.job is not None and grant.job.state == Job.State.FAILED


def grant_job_create(grant: Grant, *, created_by: User | None, now: datetime) -> Job:
    """Queue the work on a locked grant, in the caller's transaction."""
    job = job_create(
        kind=GRANT_JOB,
        title=_("定向发放：%(name)s") % {"name": grant.name},
        params={"grant": grant.pk},
        owner_region=grant.owner_region,
        created_by=created_by,
        now=now,
    )
    grant.job = job
    grant.save(update_fields=["job"])
    return job


def grant_move(grant: Grant, target: GrantState, *fields: str) -> None:
    """Move a locked grant to ``target`` and save it with ``fields``."""
    GRANT_STATES.assert_transition(grant.state, target)
    grant.state = target
    grant.save(update_fields=["state", *fields])
