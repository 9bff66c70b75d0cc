"""Grant and revoke roles; the pairs of architecture.md (Ways in) are refused here and in SQL."""

from datetime import datetime

from core.access.errors import (
    ReasonRequiredError,
    RoleAlreadyGrantedError,
    RoleOrganisationRefusedError,
    RolePairRefusedError,
    RoleSelfGrantError,
    RoleTermRequiredError,
)
from core.access.models import Organisation, Region, Role, RoleGrant, User
from core.access.region_codes import regions_overlap
from core.access.role_table import OPERATOR_NEVER, ORGANISATION_KINDS, roles_conflict
from core.access.roles import grants_forget
from core.audit.services import audit_record
from core.clock import wall
from core.transactions import transaction_joined


def role_grant(
    *,
    user: User,
    role: Role,
    organisation: Organisation,
    region: Region,
    now: datetime,
    actor: User | None = None,
    valid_until: datetime | None = None,
) -> RoleGrant:
    """Give ``user`` a role for an organisation and a region subtree; None as actor: a command.

    ``valid_until`` is real time and required for an auditor (限期只读).

    Raises:
        RolePairRefusedError: the person holds a role that excludes this one.
        RoleOrganisationRefusedError: the organisation (or the person's own) may not hold it.
        RoleSelfGrantError, RoleAlreadyGrantedError, RoleTermRequiredError.
    """
    if actor is not None and actor.pk == user.pk:
        raise RoleSelfGrantError
    if role == Role.AUDITOR and (valid_until is None or valid_until <= wall()):
        raise RoleTermRequiredError
    _organisation_check(user, role, organisation)
    with transaction_joined():
        # The same lock as the trigger's, taken before reading what the person holds.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _pairs_check(user, role, region)
        grant = RoleGrant.objects.create(
            user=user,
            role=role,
            organisation=organisation,
            region=region,
            granted_by=actor,
            granted_at=now,
            valid_until=valid_until,
        )
        audit_record(
            action="role.grant",
            subject_type="user",
            subject_id=user.pk,
            now=now,
            actor=actor,
            owner_region=region.code,
            data={
                "role": role,
                "organisation": organisation.code,
                "region": region.code,
                "valid_until": valid_until,
            },
        )
    grants_forget(user)
    return grant


def role_revoke(
    *, grant: RoleGrant, reason: str, now: datetime, actor: User | None = None
) -> RoleGrant:
    """Take a role back; taking it back again changes nothing.

    Raises:
        ReasonRequiredError: ``reason`` is empty.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        changed = RoleGrant.objects.filter(pk=grant.pk, revoked_at__isnull=True).update(
            revoked_at=now
        )
        if changed:
            audit_record(
                action="role.revoke",
                subject_type="user",
                subject_id=grant.user_id,
                now=now,
                actor=actor,
                owner_region=grant.region_id,
                reason=reason,
                data={"role": grant.role, "region": grant.region_id},
            )
    grant.refresh_from_db()
    grants_forget(grant.user)
    return grant


def _organisation_check(user: User, role: Role, organisation: Organisation) -> None:
    kinds = [organisation.kind]
    if user.organisation and role in OPERATOR_NEVER:
        kinds.append(user.organisation.kind)
    for kind in kinds:
        forbidden = kind == Organisation.Kind.OPERATOR and role in OPERATOR_NEVER
        if forbidden or organisation.kind not in ORGANISATION_KINDS[role]:
            raise RoleOrganisationRefusedError(
                data={
                    "organisation_kind": Organisation.Kind(kind).label,
                    "role": Role(role).label,
                }
            )


def _pairs_check(user: User, role: Role, region: Region) -> None:
    for held in RoleGrant.objects.filter(user=user, revoked_at__isnull=True).order_by("pk"):
        overlap = regions_overlap(held.region_id, region.code)
        if roles_conflict(held.role, role, overlap=overlap):
            raise RolePairRefusedError(
                data={"role": Role(role).label, "other": Role(held.role).label}
            )
        if held.role == role and held.region_id == region.code:
            raise RoleAlreadyGrantedError
