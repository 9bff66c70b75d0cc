"""What a checker of a grant agrees to: this batch, this channel, exactly these people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from core.money import yuan_text
from vouchers.grants.staging import people_digest
from vouchers.locks import grant_lock
from vouchers.models import Grant
from vouchers.rules.model import rules_read
from vouchers.services.grants import GRANT_KIND, grant_job_create, grant_move
from vouchers.states import GrantState


def grant_snapshot(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return what the approval binds; the people as a hash over their ids in order."""
    grant = Grant.objects.select_related("batch__campaign", "client").get(pk=subject_id)
    return {
        "campaign": grant.batch.campaign.code,
        "batch": grant.batch.code,
        "face_fen": grant.batch.face_fen,
        "client": grant.client.code,
        "people": grant.people,
        "people_sha256": people_digest(grant.pk),
    }


def grant_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say who gets what, what it costs at most, and whether the open quota reaches everybody."""
    grant = Grant.objects.select_related("batch__campaign", "batch__version", "client").get(
        pk=subject_id
    )
    batch = grant.batch
    left = batch.released - batch.issued
    lines = [
        f"{batch.campaign.title} · {batch.name}",
        _("渠道 %(client)s，名单 %(name)s") % {"client": grant.client.name, "name": grant.name},
        _("%(people)s 人每人 1 张，面额 %(face)s 元，合计不超过 %(total)s 元")
        % {
            "people": grant.people,
            "face": yuan_text(batch.face_fen),
            "total": yuan_text(batch.face_fen * grant.people),
        },
    ]
    audience = rules_read(batch.version.rules).audience if batch.version else ""
    if audience:
        lines.append(
            _("该批次面向%(audience)s；按本名单发放时不再核对人群名单")
            % {"audience": audience.name}
        )
    if grant.rows > grant.people:
        lines.append(
            _("名单中另有 %(count)s 行无效，不发放") % {"count": grant.rows - grant.people}
        )
    if left < grant.people:
        lines.append(_("已投放未领取仅 %(left)s 张，名单在后的人可能领不到") % {"left": left})
    return lines


def grant_approved(approval: Approval, now: datetime) -> None:
    """Begin: the job starts when the approval is committed."""
    grant = grant_lock(UUID(approval.subject_id))
    grant.approval = approval
    grant_move(grant, GrantState.GRANTING, "approval")
    grant_job_create(grant, created_by=approval.maker, now=now)


def grant_closed(approval: Approval, now: datetime) -> None:
    """Give a rejected or withdrawn list back to its maker."""
    del now
    grant_move(grant_lock(UUID(approval.subject_id)), GrantState.DRAFT)


GRANT_APPROVAL = ApprovalKind(
    kind=GRANT_KIND,
    title="定向发放",
    snapshot=grant_snapshot,
    on_approved=grant_approved,
    on_closed=grant_closed,
    maker_action="vouchers.submit_grant",
    checker_action="vouchers.approve_grant",
    director_action="vouchers.sign_grant",
    describe=grant_words,
)
