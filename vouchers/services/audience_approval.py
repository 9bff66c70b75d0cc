"""What a checker of an audience's list agrees to: exactly these members, instead of that list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind
from vouchers.audiences.filling import members_digest, snapshot_move
from vouchers.audiences.limits import IN_FORCE_AFTER
from vouchers.locks import snapshot_lock
from vouchers.models import AudienceSnapshot, Batch
from vouchers.selectors import audience_list
from vouchers.services.audiences import SNAPSHOT_KIND
from vouchers.states import SnapshotState

_NOT_IN = """
    SELECT count(*) FROM vouchers_audiencemember a
     WHERE a.snapshot_id = %s AND NOT EXISTS (
        SELECT 1 FROM vouchers_audiencemember b
         WHERE b.snapshot_id = %s AND b.key_id = a.key_id)
"""


def snapshot_content(subject_id: str, _payload: Mapping[str, Any]) -> object:
    """Return what the approval binds: the members as a hash, and the list they take the place of.

    So a list is not approved after another one came into force since it was submitted.
    """
    snapshot = AudienceSnapshot.objects.select_related("audience").get(pk=subject_id)
    members, digest = members_digest(snapshot)
    newest = audience_list(snapshot.audience_id)
    return {
        "audience": snapshot.audience.code,
        "number": snapshot.number,
        "source_sha256": snapshot.source_sha256,
        "members": members,
        "members_sha256": digest,
        "instead_of": newest.number if newest else None,
    }


def snapshot_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say whose list it is, what it is made of, what changes, and which batches go by it."""
    snapshot = AudienceSnapshot.objects.select_related("audience", "base").get(pk=subject_id)
    audience = snapshot.audience
    lines = [
        _("人群“%(name)s”（%(code)s）第 %(number)s 期名单，共 %(members)s 人")
        % {
            "name": audience.name,
            "code": audience.code,
            "number": snapshot.number,
            "members": snapshot.members,
        },
        _("来源：%(mode)s，%(source)s")
        % {"mode": snapshot.get_mode_display(), "source": snapshot.name},
    ]
    newest = audience_list(snapshot.audience_id)
    if newest is not None and newest.pk != snapshot.pk:
        lines.append(
            _("与生效中的第 %(number)s 期相比：增加 %(added)s 人，减少 %(removed)s 人")
            % {
                "number": newest.number,
                "added": _not_in(snapshot, newest),
                "removed": _not_in(newest, snapshot),
            }
        )
    lines.append(_("批准一分钟后生效；已领取的券不受影响"))
    using = Batch.objects.filter(version__rules__audience__code=audience.code)
    lines += [
        _("适用批次：%(batch)s") % {"batch": f"{batch.campaign.title} · {batch.name}"}
        for batch in using.select_related("campaign").order_by("campaign__code", "position", "pk")
    ]
    return lines


def snapshot_approved(approval: Approval, now: datetime) -> None:
    """Put the list in force, a minute from now: `IN_FORCE_AFTER` says why."""
    snapshot = snapshot_lock(UUID(approval.subject_id))
    snapshot.approval, snapshot.in_force_at = approval, now + IN_FORCE_AFTER
    snapshot_move(snapshot, SnapshotState.APPROVED, "approval", "in_force_at")


def snapshot_closed(approval: Approval, now: datetime) -> None:
    """Give a rejected or withdrawn list back to its maker."""
    del now
    snapshot_move(snapshot_lock(UUID(approval.subject_id)), SnapshotState.DRAFT)


def _not_in(one: AudienceSnapshot, other: AudienceSnapshot) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_NOT_IN, [one.pk, other.pk])
        return int(cursor.fetchone()[0])


SNAPSHOT_APPROVAL = ApprovalKind(
    kind=SNAPSHOT_KIND,
    title="人群名单",
    snapshot=snapshot_content,
    on_approved=snapshot_approved,
    on_closed=snapshot_closed,
    maker_action="vouchers.submit_audiencesnapshot",
    checker_action="vouchers.approve_audiencesnapshot",
    director_action="vouchers.sign_audiencesnapshot",
    has_amount=False,
    describe=snapshot_words,
)
