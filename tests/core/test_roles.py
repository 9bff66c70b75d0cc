"""Who may hold which roles together: by the service and by raw SQL, over all pairs."""

import re
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

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
from core.access.role_table import OPERATOR_NEVER, ORGANISATION_KINDS, ROLE_ACTIONS, roles_conflict
from core.access.roles import (
    PermissionRefusedError,
    assert_may,
    grants_forget,
    grants_of,
    may,
    role_permits,
)
from core.access.services import role_grant, role_revoke, user_create, user_set_active
from core.audit.models import AuditEvent
from core.clock import wall
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE, QINGXIU, organisation_make
from tests.factories.staff import staff_make

pytestmark = pytest.mark.django_db
ADMINS = {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.SECURITY_AUDITOR}
SETTLEMENT = {Role.SETTLEMENT_MAKER, Role.SETTLEMENT_CHECKER}


def _grant(user: User, role: Role, region: str = PROVINCE) -> RoleGrant:
    kinds = ORGANISATION_KINDS[role]
    kind = Organisation.Kind.BUREAU if Organisation.Kind.BUREAU in kinds else min(kinds)
    return role_grant(
        user=user,
        role=role,
        organisation=organisation_make(kind),
        region=Region.objects.get(code=region),
        now=wall(),
        valid_until=wall() + timedelta(days=30) if role == Role.AUDITOR else None,
    )


@pytest.mark.parametrize(
    ("one", "other", "apart", "refused"),
    [
        (Role.CAMPAIGN_MAKER, Role.CAMPAIGN_CHECKER, False, True),
        (Role.CAMPAIGN_MAKER, Role.CAMPAIGN_CHECKER, True, False),
        (Role.CAMPAIGN_MAKER, Role.DIRECTOR, False, True),
        (Role.LIST_MAKER, Role.LIST_CHECKER, False, True),
        (Role.LIST_MAKER, Role.SETTLEMENT_MAKER, True, True),
        (Role.LIST_CHECKER, Role.SETTLEMENT_CHECKER, True, True),
        (Role.RISK_MAKER, Role.SETTLEMENT_CHECKER, True, True),
        (Role.RISK_CHECKER, Role.SETTLEMENT_MAKER, False, True),
        (Role.RISK_MAKER, Role.RISK_CHECKER, False, True),
        (Role.RISK_MAKER, Role.RISK_CHECKER, True, False),
        (Role.SETTLEMENT_MAKER, Role.SETTLEMENT_CHECKER, False, True),
        (Role.SYSTEM_ADMIN, Role.CAMPAIGN_MAKER, True, True),
        (Role.SECURITY_ADMIN, Role.AUDITOR, True, True),
        (Role.SECURITY_AUDITOR, Role.SERVICE_DESK, False, True),
        (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, False, True),
        (Role.CAMPAIGN_MAKER, Role.LIST_MAKER, False, False),
        (Role.LIST_MAKER, Role.RISK_MAKER, False, False),
        (Role.CAMPAIGN_CHECKER, Role.SETTLEMENT_CHECKER, False, False),
    ],
)
def test_pairs_at_grant(one: Role, other: Role, apart: bool, refused: bool) -> None:
    for first, second in ((one, other), (other, one)):
        user = staff_make()
        _grant(user, first, NANNING)
        if refused:
            with pytest.raises(RolePairRefusedError):
                _grant(user, second, LIUZHOU if apart else QINGXIU)
            assert user.grants.get().role == first
        else:
            _grant(user, second, LIUZHOU if apart else QINGXIU)
            assert user.grants.count() == 2


def test_sql_and_python_agree_on_every_pair() -> None:
    pairs = [(*pair, overlap) for pair in product(Role, Role) for overlap in (True, False)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT access_roles_conflict(a, b, o)"
            " FROM unnest(%s::text[], %s::text[], %s::bool[]) WITH ORDINALITY t (a, b, o, n)"
            " ORDER BY n",
            [[str(a) for a, _, _ in pairs], [str(b) for _, b, _ in pairs], [o for *_, o in pairs]],
        )
        in_sql = [row[0] for row in cursor.fetchall()]
    assert in_sql == [roles_conflict(a, b, overlap=o) for a, b, o in pairs]
    assert all(
        roles_conflict(a, b, overlap=o) == roles_conflict(b, a, overlap=o) for a, b, o in pairs
    )


def test_sql_and_python_agree_on_overlap() -> None:
    codes = [PROVINCE, NANNING, QINGXIU, LIUZHOU, "150000", "450205"]
    for one, other in product(codes, codes):
        with connection.cursor() as cursor:
            cursor.execute("SELECT access_regions_overlap(%s, %s)", [one, other])
            assert cursor.fetchone() == (regions_overlap(one, other),)


@pytest.mark.parametrize("second", [Role.SETTLEMENT_MAKER, Role.SYSTEM_ADMIN, Role.LIST_CHECKER])
def test_raw_sql_is_refused_too(second: Role) -> None:
    user = staff_make(Role.LIST_MAKER)
    with pytest.raises(IntegrityError, match="conflicts"), transaction.atomic():
        _raw_grant(user, second, organisation_make())
    assert user.grants.count() == 1


@pytest.mark.parametrize("role", sorted(OPERATOR_NEVER))
def test_an_operator_never_approves(role: Role) -> None:
    operator = organisation_make(Organisation.Kind.OPERATOR)
    user = staff_make()
    with pytest.raises(RoleOrganisationRefusedError):
        role_grant(
            user=user,
            role=role,
            organisation=operator,
            region=Region.objects.get(code=PROVINCE),
            now=wall(),
        )
    with pytest.raises(IntegrityError, match="operator"), transaction.atomic():
        _raw_grant(user, role, operator)
    User.objects.filter(pk=user.pk).update(organisation=operator)
    user.refresh_from_db()
    with pytest.raises(RoleOrganisationRefusedError):
        _grant(user, role)
    with pytest.raises(IntegrityError, match="operator"), transaction.atomic():
        _raw_grant(user, role, organisation_make())
    assert user.grants.count() == 0


def test_a_checker_cannot_be_moved_into_an_operator() -> None:
    user = staff_make(Role.SETTLEMENT_CHECKER)
    operator = organisation_make(Organisation.Kind.OPERATOR)
    with pytest.raises(IntegrityError, match="operator"), transaction.atomic():
        User.objects.filter(pk=user.pk).update(organisation=operator)


def test_only_certain_organisations_hold_a_role() -> None:
    with pytest.raises(RoleOrganisationRefusedError) as caught:
        role_grant(
            user=staff_make(),
            role=Role.SETTLEMENT_CHECKER,
            organisation=organisation_make(Organisation.Kind.ACQUIRER),
            region=Region.objects.get(code=PROVINCE),
            now=wall(),
        )
    assert caught.value.data == {"organisation_kind": "收单机构/服务商", "role": "结算复核"}


def test_nobody_grants_himself_and_nothing_twice() -> None:
    admin = staff_make(Role.SECURITY_ADMIN)
    with pytest.raises(RoleSelfGrantError):
        role_grant(
            user=admin,
            role=Role.SECURITY_ADMIN,
            organisation=organisation_make(),
            region=Region.objects.get(code=NANNING),
            now=wall(),
            actor=admin,
        )
    user = staff_make()
    _grant(user, Role.LIST_MAKER)
    with pytest.raises(RoleAlreadyGrantedError):
        _grant(user, Role.LIST_MAKER)
    assert user.grants.count() == 1


def test_an_auditors_grant_ends() -> None:
    user = staff_make()
    region = Region.objects.get(code=PROVINCE)
    auditor = organisation_make(Organisation.Kind.AUDITOR)
    for valid_until in (None, wall() - timedelta(seconds=1)):
        with pytest.raises(RoleTermRequiredError):
            role_grant(
                user=user,
                role=Role.AUDITOR,
                organisation=auditor,
                region=region,
                now=wall(),
                valid_until=valid_until,
            )
    _grant(user, Role.AUDITOR)
    assert may(user, "campaigns.view_campaign")
    assert not may(user, "campaigns.change_campaign")
    grants_forget(user)
    assert grants_of(user, at=wall() + timedelta(days=31)) == ()


def test_grant_and_revoke_are_recorded_and_take_effect() -> None:
    admin, user = staff_make(Role.SECURITY_ADMIN), staff_make()
    grant = role_grant(
        user=user,
        role=Role.CAMPAIGN_CHECKER,
        organisation=organisation_make(),
        region=Region.objects.get(code=NANNING),
        now=wall(),
        actor=admin,
    )
    assert may(user, "campaigns.approve_campaign", QINGXIU)
    assert not may(user, "campaigns.approve_campaign", LIUZHOU)
    assert not may(user, "campaigns.approve_campaign", PROVINCE)
    with pytest.raises(ReasonRequiredError):
        role_revoke(grant=grant, reason=" ", now=wall(), actor=admin)
    role_revoke(grant=grant, reason="调岗", now=wall(), actor=admin)
    role_revoke(grant=grant, reason="调岗", now=wall(), actor=admin)
    grants_forget(user)
    assert not may(user, "campaigns.approve_campaign", NANNING)
    with pytest.raises(PermissionRefusedError):
        assert_may(user, "campaigns.approve_campaign", NANNING)
    events = AuditEvent.objects.filter(subject_id=str(user.pk)).order_by("pk")
    assert [(event.action, event.actor_id) for event in events] == [
        ("role.grant", admin.pk),
        ("role.revoke", admin.pk),
    ]
    with pytest.raises(IntegrityError, match="only be revoked"), transaction.atomic():
        RoleGrant.objects.filter(pk=grant.pk).update(revoked_at=None)


def test_a_grant_cannot_be_changed() -> None:
    grant = staff_make(Role.LIST_MAKER).grants.get()
    with pytest.raises(IntegrityError, match="only be revoked"), transaction.atomic():
        RoleGrant.objects.filter(pk=grant.pk).update(role=Role.SYSTEM_ADMIN)
    grant.refresh_from_db()
    assert grant.role == Role.LIST_MAKER


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_a_table_and_organisations(role: Role) -> None:
    assert ROLE_ACTIONS[role]
    assert ORGANISATION_KINDS[role]
    for pattern in ROLE_ACTIONS[role]:
        app, _, action = pattern.partition(".")
        assert app
        assert action
        if role in (Role.AUDITOR, Role.SERVICE_DESK, Role.FUNDER_VIEWER):
            assert action.startswith("view_")


def test_every_action_a_service_asks_for_is_some_roles() -> None:
    root = Path(__file__).parents[2]
    asked = {
        match[1]
        for room in ("core", "merchants", "campaigns", "vouchers", "redemption")
        for path in (root / room).rglob("*.py")
        for match in re.finditer(
            r"(?:assert_may|may|has_perm)\([^()]*\"([a-z]+\.[a-z_]+)\"", path.read_text("utf-8")
        )
    }
    nobodys = {name for name in asked if not any(role_permits(role, name) for role in Role)}
    assert asked
    assert nobodys == set()


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        (Role.CAMPAIGN_MAKER, "campaigns.change_campaign", True),
        (Role.CAMPAIGN_MAKER, "campaigns.approve_campaign", False),
        (Role.CAMPAIGN_CHECKER, "campaigns.approve_campaign", True),
        (Role.CAMPAIGN_CHECKER, "campaigns.change_campaign", False),
        (Role.CAMPAIGN_CHECKER, "campaigns.approve_whitelist", False),
        (Role.LIST_CHECKER, "campaigns.approve_whitelist", True),
        (Role.LIST_CHECKER, "campaigns.approve_campaign", False),
        (Role.SETTLEMENT_MAKER, "redemption.approve_settlementbatch", False),
        (Role.SETTLEMENT_CHECKER, "redemption.approve_settlementbatch", True),
        (Role.SERVICE_DESK, "vouchers.view_voucher", True),
        (Role.SERVICE_DESK, "vouchers.change_voucher", False),
        (Role.SYSTEM_ADMIN, "core.add_client", True),
        (Role.SYSTEM_ADMIN, "core.add_rolegrant", False),
        (Role.SYSTEM_ADMIN, "campaigns.view_campaign", False),
        (Role.SECURITY_ADMIN, "core.add_rolegrant", True),
        (Role.SECURITY_ADMIN, "core.change_user", False),
        (Role.SECURITY_AUDITOR, "core.view_auditevent", True),
        (Role.AUDITOR, "core.view_posting", True),
        (Role.AUDITOR, "core.add_client", False),
    ],
)
def test_django_asks_the_same_table(role: Role, action: str, allowed: bool) -> None:
    user = staff_make(role)
    assert user.has_perm(action) is allowed
    assert user.has_module_perms(action.partition(".")[0]) or not allowed


def test_superuser_groups_and_own_permissions_give_nothing() -> None:
    user = staff_make()
    user.is_superuser = True
    user.save(update_fields=["is_superuser"])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_user_user_permissions (user_id, permission_id)"
            " SELECT %s, id FROM auth_permission",
            [user.pk],
        )
    assert not user.has_perm("core.view_user")
    assert not user.has_module_perms("core")
    assert user.get_all_permissions() == set()


def test_who_is_switched_off_may_nothing() -> None:
    user = staff_make(Role.CAMPAIGN_MAKER)
    user_set_active(user=user, is_active=False, reason="离职", now=wall())
    grants_forget(user)
    assert not user.has_perm("campaigns.change_campaign")


def test_a_user_is_made_without_any_role() -> None:
    user = user_create(
        username="zhang.san",
        display_name="张三",
        organisation=organisation_make(),
        password="A-long-password-1",
        now=wall(),
    )
    assert (user.is_staff, user.is_superuser, user.grants.count()) == (True, False, 0)
    assert user.check_password("A-long-password-1")


def _raw_grant(user: User, role: Role, organisation: Organisation) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_rolegrant (id, user_id, role, organisation_id, region_id, granted_at)"
            " VALUES (gen_random_uuid(), %s, %s, %s, %s, %s)",
            [user.pk, role, organisation.pk, PROVINCE, wall()],
        )
