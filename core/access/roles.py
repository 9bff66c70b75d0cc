"""What a member of staff may do now: his grants in force, checked against the table of roles.

Grants end by real time (clock.wall), as sessions and keys do, even while a rehearsal moves
business time.
"""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from core.access.models import Organisation, RoleGrant, User
from core.access.region_codes import regions_overlap, subtree_contains
from core.access.role_table import (
    ACTS_FOR_ORGANISATION,
    OPERATOR_NEVER,
    ROLE_ACTIONS,
    roles_conflict,
)
from core.clock import wall
from core.errors import DomainError

Principal = User | AbstractBaseUser | AnonymousUser
_CACHE = "_access_grants"


class PermissionRefusedError(DomainError):
    """The member of staff may not do this, or not here."""

    code = "access.permission_denied"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in force for a region subtree; ``organisation_id`` set if bound to its rows."""

    role: str
    region: str
    granted_organisation_id: UUID
    organisation_kind: str

    @property
    def organisation_id(self) -> UUID | None:
        """The organisation whose rows alone are visible, for 收单机构操作员 and 出资方查看."""
        return self.granted_organisation_id if self.role in ACTS_FOR_ORGANISATION else None


def grants_of(user: Principal, *, at: datetime | None = None) -> tuple[Grant, ...]:
    """Return the grants in force, leaving out every one that another grant excludes.

    The pairs are refused at grant and again here (architecture.md, Ways in). Read once per user
    object, that is once per request.
    """
    if not isinstance(user, User) or not user.is_active or user.pk is None:
        return ()
    cached: tuple[Grant, ...] | None = user.__dict__.get(_CACHE)
    if cached is None:
        cached = user.__dict__[_CACHE] = _read_grants(user, at or wall())
    return cached


def grants_forget(user: User) -> None:
    """Forget the grants read for this user object, after they changed."""
    user.__dict__.pop(_CACHE, None)


def grants_permitting(user: Principal, action: str) -> tuple[Grant, ...]:
    """Return the grants whose role permits ``action`` (``<app>.<verb>_<object>``)."""
    return tuple(grant for grant in grants_of(user) if role_permits(grant.role, action))


@lru_cache(maxsize=4096)
def role_permits(role: str, action: str) -> bool:
    """Tell whether a role's table names the action."""
    return any(fnmatchcase(action, pattern) for pattern in ROLE_ACTIONS.get(role, ()))


def may(user: Principal, action: str, region: str | None = None) -> bool:
    """Tell whether ``user`` may do ``action``; with ``region``, on an object owned there."""
    grants = grants_permitting(user, action)
    if region is None:
        return bool(grants)
    return any(subtree_contains(grant.region, region) for grant in grants)


def assert_may(user: Principal, action: str, region: str | None = None) -> None:
    """Raise PermissionRefusedError (403 access.permission_denied) unless `may` agrees."""
    if not may(user, action, region):
        raise PermissionRefusedError


def has_any_in(user: Principal, app_label: str) -> bool:
    """Tell whether some role in force permits anything in an app."""
    return any(
        fnmatchcase(app_label, pattern.partition(".")[0])
        for grant in grants_of(user)
        for pattern in ROLE_ACTIONS[grant.role]
    )


def _read_grants(user: User, at: datetime) -> tuple[Grant, ...]:
    rows: Any = (
        RoleGrant.objects.filter(user=user, revoked_at__isnull=True, organisation__is_active=True)
        .order_by("role", "pk")
        .values_list("role", "region_id", "organisation_id", "organisation__kind", "valid_until")
    )
    held = [
        Grant(role, region, organisation_id, kind)
        for role, region, organisation_id, kind, valid_until in rows
        if valid_until is None or valid_until > at
    ]
    return tuple(grant for grant in held if _is_sound(grant, held, user))


def _is_sound(grant: Grant, held: list[Grant], user: User) -> bool:
    if grant.role in OPERATOR_NEVER and Organisation.Kind.OPERATOR in (
        grant.organisation_kind,
        user.organisation.kind if user.organisation else None,
    ):
        return False
    return not any(
        roles_conflict(grant.role, other.role, overlap=regions_overlap(grant.region, other.region))
        for other in held
    )
