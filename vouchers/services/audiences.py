"""Audiences (定向人群): registered, given lists by file or segment, submitted for approval.

A list counts once a second person has agreed to it (`vouchers.services.audience_approval`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Max
from django.db.transaction import atomic
from django.utils.translation import gettext as _

from campaigns.definition.model import CODE_PATTERN
from campaigns.models import Campaign
from core.access.errors import ReasonRequiredError
from core.access.models import Client, User
from core.access.region_codes import regions_overlap, subtree_contains
from core.access.roles import assert_may
from core.approvals.models import Approval
from core.approvals.services import approval_request
from core.audit.services import audit_record
from core.canonical import canonical_hash
from core.errors import DomainError, InvalidParam, InvalidParametersError
from core.jobs.models import Job
from core.jobs.services import job_create
from core.jobs.uploads import Upload, upload_drop, upload_keep
from core.transactions import retry_conflicts, transaction_joined
from vouchers.audiences.filling import members_drop, snapshot_move
from vouchers.audiences.limits import MOST_DAYS
from vouchers.audiences.segments import CAMPAIGN, CLIENT, DAYS, Segment, segment_of
from vouchers.grants.limits import FILE_BYTES
from vouchers.locks import audience_lock, snapshot_lock
from vouchers.models import Audience, AudienceSnapshot
from vouchers.models.persons import KeyKind
from vouchers.selectors import audience_list
from vouchers.states import SNAPSHOT_STATES, SnapshotState

FILL_JOB = "vouchers.audience_list"
SNAPSHOT_KIND = "voucher.audience_list"
SUBJECT_TYPE = "vouchers.audiencesnapshot"
ADD = "vouchers.add_audiencesnapshot"
NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    sha256: str
    mode: str = AudienceSnapshot.Mode.REPLACE
    segment: str = ""
    parameters: Mapping[str, Any] | None = None


def audience_create(
    *,
    code: str,
    name: str,
    kind: str,
    owner_region: str,
    actor: User,
    now: datetime,
    key_kind: str = KeyKind.DOCUMENT,
) -> Audience:
    """Register an audience; code, name and what its lists hold never change.

    ``kind`` is LIST (from files of document or mobile numbers, ``key_kind``) or SEGMENT.

    Raises:
        InvalidParametersError: code or name is malformed or taken.
        DomainError: ``access.permission_denied``.
    """
    assert_may(actor, "vouchers.add_audience", owner_region)
    wrong = []
    if not CODE_PATTERN.fullmatch(code):
        wrong.append(InvalidParam("code", _("小写字母、数字与连字符，至多40个字符")))
    if not 1 <= len(name.strip()) <= 40:
        wrong.append(InvalidParam("name", _("应为1至40个字符")))
    if kind == Audience.Kind.SEGMENT and key_kind != KeyKind.DOCUMENT:
        wrong.append(InvalidParam("key_kind", _("条件筛选的人群以证件为标识")))
    if wrong:
        raise InvalidParametersError(invalid_params=wrong)
    with transaction_joined():
        try:
            with atomic():
                audience = Audience.objects.create(
                    code=code,
                    name=name.strip(),
                    kind=kind,
                    key_kind=key_kind,
                    owner_region=owner_region,
                    created_by=actor,
                    created_at=now,
                )
        except IntegrityError as error:
            if "code" not in str(error):
                raise
            raise InvalidParametersError.one("code", _("人群代码已被使用")) from error
        audit_record(
            action="audience.create",
            subject_type="vouchers.audience",
            subject_id=audience.pk,
            now=now,
            actor=actor,
            owner_region=owner_region,
            data={"code": code, "name": audience.name, "kind": kind, "key_kind": key_kind},
        )
    return audience


def list_start(
    *,
    audience_id: UUID,
    name: str,
    chunks: Iterable[bytes],
    actor: User,
    now: datetime,
    mode: str = AudienceSnapshot.Mode.REPLACE,
) -> AudienceSnapshot:
    """Take a file of numbers as the next list of an audience and queue its check.

    ``mode`` REPLACE: the file is the whole list; ADD and REMOVE change the one in force.

    Raises:
        InvalidParametersError: the file is empty or too large, the audience is a segment's, or
            there is no list in force to change.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    audience = _audience(audience_id, actor)
    if audience.kind != Audience.Kind.LIST:
        raise InvalidParametersError.one("audience", _("该人群由条件筛选产生，不接受名单文件"))
    upload = upload_keep(chunks=chunks, most_bytes=FILE_BYTES)
    try:
        source = _Source(name[:NAME_CHARS], upload.sha256, mode)
        return _create(audience, source, actor, now, upload)
    except BaseException:
        upload_drop(upload.id)
        raise


def segment_start(
    *, audience_id: UUID, segment: str, parameters: Mapping[str, Any], actor: User, now: datetime
) -> AudienceSnapshot:
    """Evaluate a segment, once, as the next list of an audience; a job does it.

    ``parameters`` are ``campaign`` and ``client`` by code and ``days``, as the segment asks.

    Raises:
        InvalidParametersError: the audience is made of files; the segment is unknown; a parameter
            is missing, out of bounds, or of another region.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    audience = _audience(audience_id, actor)
    if audience.kind != Audience.Kind.SEGMENT:
        raise InvalidParametersError.one("audience", _("该人群由名单文件产生，不接受条件筛选"))
    found = segment_of(segment)
    if found is None:
        raise InvalidParametersError.one("segment", _("没有这种筛选条件"))
    kept = _parameters(audience, found, parameters)
    sha256 = canonical_hash({"segment": segment, "parameters": kept})
    source = _Source(found.said(kept)[:NAME_CHARS], sha256, segment=found.code, parameters=kept)
    return _create(audience, source, actor, now, None)


def _audience(audience_id: UUID, actor: User) -> Audience:
    audience = Audience.objects.filter(pk=audience_id).first()
    if audience is None:
        raise DomainError("access.not_found")
    assert_may(actor, ADD, audience.owner_region)
    return audience


def _parameters(audience: Audience, segment: Segment, given: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: given.get(name) for name in sorted(segment.asks)}
    wrong = []
    if CAMPAIGN in segment.asks:
        campaign = Campaign.objects.filter(code=kept[CAMPAIGN]).first()
        # Who used another bureau's campaign is that bureau's to know.
        if campaign is None or not subtree_contains(audience.owner_region, campaign.owner_region):
            wrong.append(InvalidParam(CAMPAIGN, _("本地区没有这个活动")))
    if CLIENT in segment.asks:
        client = Client.objects.filter(code=kept[CLIENT], kind=Client.Kind.CHANNEL).first()
        if client is None or not regions_overlap(client.owner_region, audience.owner_region):
            wrong.append(InvalidParam(CLIENT, _("没有服务于本地区的这个渠道")))
    if DAYS in segment.asks and not (isinstance(kept[DAYS], int) and 1 <= kept[DAYS] <= MOST_DAYS):
        reason = _("应为 1 至 %(limit)s 的整数") % {"limit": MOST_DAYS}
        wrong.append(InvalidParam(DAYS, reason, MOST_DAYS))
    if wrong:
        raise InvalidParametersError(invalid_params=wrong)
    return kept


@retry_conflicts
def _create(
    audience: Audience, source: _Source, actor: User, now: datetime, upload: Upload | None
) -> AudienceSnapshot:
    with transaction_joined():
        audience_lock(audience.pk)
        base = None
        if source.mode != AudienceSnapshot.Mode.REPLACE:
            base = audience_list(audience.pk)
            if base is None:
                reason = _("该人群还没有已批准的名单，首期须为全量")
                raise InvalidParametersError.one("mode", reason)
        last = audience.snapshots.aggregate(last=Max("number"))["last"] or 0
        snapshot = AudienceSnapshot.objects.create(
            audience=audience,
            number=last + 1,
            mode=source.mode,
            base=base,
            name=source.name,
            segment=source.segment,
            parameters=dict(source.parameters or {}),
            source_sha256=source.sha256,
            owner_region=audience.owner_region,
            created_by=actor,
            created_at=now,
        )
        params: dict[str, Any] = {"snapshot": snapshot.pk}
        if upload is not None:
            params |= {
                "upload": upload.id,
                "key_version": upload.key_version,
                "size": upload.size,
                "sha256": upload.sha256,
            }
        snapshot.check_job = job_create(
            kind=FILL_JOB,
            title=_("生成人群名单：%(list)s") % {"list": snapshot},
            params=params,
            owner_region=snapshot.owner_region,
            created_by=actor,
            now=now,
        )
        snapshot.save(update_fields=["check_job"])
    return snapshot


@retry_conflicts
def snapshot_submit(*, snapshot_id: UUID, actor: User, now: datetime, reason: str = "") -> Approval:
    """Submit a list that was made; a second person agrees to exactly these members.

    Raises:
        InvalidParametersError: a newer list is in force, or another than it is based on.
        StateConflictError: it is not a draft.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    with transaction_joined():
        snapshot = snapshot_lock(snapshot_id)
        if snapshot.state != SnapshotState.DRAFT:
            raise SNAPSHOT_STATES.conflict(snapshot.state, SnapshotState.SUBMITTED)
        newest = audience_list(snapshot.audience_id)
        if newest is not None and (
            newest.number > snapshot.number or snapshot.base_id not in (None, newest.pk)
        ):
            reason_not = _("已有第 %(number)s 期名单生效，请作废本期后重新上传")
            raise InvalidParametersError.one("number", reason_not % {"number": newest.number})
        approval = approval_request(
            kind=SNAPSHOT_KIND,
            subject_type=SUBJECT_TYPE,
            subject_id=snapshot.pk,
            title=_("人群名单：%(list)s，%(members)s 人")
            % {"list": snapshot, "members": snapshot.members},
            maker=actor,
            owner_region=snapshot.owner_region,
            now=now,
            reason=reason,
        )
        snapshot_move(snapshot, SnapshotState.SUBMITTED)
    return approval


@retry_conflicts
def snapshot_cancel(
    *, snapshot_id: UUID, reason: str, actor: User, now: datetime
) -> AudienceSnapshot:
    """Give up a list that was not approved, or whose making failed; its members are deleted.

    Raises:
        ReasonRequiredError: no reason.
        StateConflictError: it is submitted (taken back first), approved, or being made: as long as
            its job has not failed.
        DomainError: ``access.permission_denied``, ``access.not_found``.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        snapshot = snapshot_lock(snapshot_id)
        assert_may(actor, ADD, snapshot.owner_region)
        job = snapshot.check_job
        if snapshot.state == SnapshotState.CHECKING and (not job or job.state != Job.State.FAILED):
            raise SNAPSHOT_STATES.conflict(snapshot.state, SnapshotState.CANCELLED)
        unmade = snapshot.state == SnapshotState.CHECKING
        snapshot_move(snapshot, SnapshotState.REFUSED if unmade else SnapshotState.CANCELLED)
        members_drop(snapshot)
        audit_record(
            action="audience_list.cancel",
            subject_type=SUBJECT_TYPE,
            subject_id=snapshot.pk,
            now=now,
            actor=actor,
            owner_region=snapshot.owner_region,
            reason=reason,
        )
    return snapshot
