"""Members of staff with role grants, as the tests of every room need them."""

import itertools
from functools import cache

from django.contrib.auth.hashers import make_password

from core.access.models import Organisation, Role, RoleGrant, User
from core.access.role_table import ORGANISATION_KINDS
from core.clock import wall
from tests.factories.merchants import PROVINCE, SINCE, organisation_make, region_make

_serial = itertools.count(1)
_PREFERRED = (Organisation.Kind.BUREAU, Organisation.Kind.FINANCE)


@cache
def _hashed(password: str) -> str:
    return make_password(password)


def staff_make(*roles: str, region: str = PROVINCE, name: str = "") -> User:
    """Return a new member of staff who holds ``roles`` in ``region``'s subtree.

    The organisation is of a kind that may hold the first role; an auditor's grant ends in a year.
    """
    number = next(_serial)
    kinds = ORGANISATION_KINDS[roles[0]] if roles else {Organisation.Kind.BUREAU}
    kind = next((one for one in _PREFERRED if one in kinds), min(kinds))
    organisation = organisation_make(kind, region=region)
    user = User.objects.create(
        username=f"staff-{number}",
        password=_hashed("Test-password-1"),
        display_name=name or f"测试人员{number}",
        organisation=organisation,
        is_staff=True,
    )
    for role in roles:
        RoleGrant.objects.create(
            user=user,
            role=role,
            organisation=organisation,
            region=region_make(region),
            granted_at=SINCE,
            valid_until=wall().replace(year=wall().year + 1, day=1)
            if role == Role.AUDITOR
            else None,
        )
    return user
