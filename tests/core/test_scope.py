"""Region scope over a matrix of staff and rows: owned, by store, by cover, or nothing."""

from datetime import datetime

import pytest
from django.apps import apps
from django.db.models import Model

from campaigns.models import Campaign
from core.access.models import Client, Organisation, Region, Role, RoleGrant
from core.access.region_codes import region_chain, regions_overlap, subtree_contains, subtree_range
from core.access.regions import regions_load, regions_read
from core.access.roles import grants_forget
from core.access.scope import RowAccess, ScopeFields, row_access, scope_owns, scope_queryset
from core.clock import TIME_ZONE, wall
from merchants.models import Store
from tests.factories.merchants import (
    LIUBEI,
    LIUZHOU,
    NANNING,
    PROVINCE,
    QINGXIU,
    client_make,
    organisation_make,
)
from tests.factories.staff import staff_make

ELSEWHERE = "150000"
CODES = [PROVINCE, NANNING, QINGXIU, LIUZHOU, LIUBEI, ELSEWHERE]


@pytest.mark.parametrize(
    ("code", "bounds", "chain"),
    [
        ("450000", ("450000", "459999"), ["450000"]),
        ("450100", ("450100", "450199"), ["450000", "450100"]),
        ("450103", ("450103", "450103"), ["450000", "450100", "450103"]),
        ("429004", ("429004", "429004"), ["420000", "429000", "429004"]),
    ],
)
def test_a_subtree_is_a_range(code: str, bounds: tuple[str, str], chain: list[str]) -> None:
    assert subtree_range(code) == bounds
    assert region_chain(code) == chain


def test_containment() -> None:
    inside = {(root, code) for root in CODES for code in CODES if subtree_contains(root, code)}
    assert inside == {(code, code) for code in CODES} | {
        (PROVINCE, NANNING),
        (PROVINCE, QINGXIU),
        (PROVINCE, LIUZHOU),
        (PROVINCE, LIUBEI),
        (NANNING, QINGXIU),
        (LIUZHOU, LIUBEI),
    }
    assert not subtree_contains(PROVINCE, "")
    assert regions_overlap(QINGXIU, PROVINCE)
    assert not regions_overlap(NANNING, LIUZHOU)


@pytest.mark.django_db
def test_the_divisions_are_loaded_and_loading_again_changes_nothing() -> None:
    rows = regions_read()
    assert Region.objects.count() == len(rows) == 3224
    assert regions_load("default", apps) == len(rows)
    assert Region.objects.count() == len(rows)
    guangxi = Region.objects.filter(code__range=subtree_range("450000"))
    assert guangxi.filter(level="CITY").count() == 14
    assert guangxi.filter(level="COUNTY").count() == 111
    inner_mongolia = Region.objects.filter(code__range=subtree_range("150000"))
    assert inner_mongolia.filter(level="CITY").count() == 12
    assert inner_mongolia.filter(level="COUNTY").count() == 103
    qingxiu = Region.objects.select_related("parent__parent").get(code="450103")
    assert str(qingxiu) == "青秀区（450103）"
    assert qingxiu.parent is not None
    assert (qingxiu.parent.name, qingxiu.parent.parent_id) == ("南宁市", "450000")
    assert not Region.objects.filter(parent__isnull=True).exclude(level="PROVINCE").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("staff_region", "visible"),
    [
        (PROVINCE, {PROVINCE, NANNING, QINGXIU, LIUZHOU, LIUBEI}),
        (NANNING, {NANNING, QINGXIU}),
        (QINGXIU, {QINGXIU}),
        (LIUZHOU, {LIUZHOU, LIUBEI}),
        (ELSEWHERE, {ELSEWHERE}),
    ],
)
def test_rows_owned_in_the_subtree(staff_region: str, visible: set[str]) -> None:
    for code in CODES:
        client_make(region=PROVINCE)
        Client.objects.filter(pk=Client.objects.latest("created_at", "pk").pk).update(
            owner_region=code
        )
    user = staff_make(Role.SYSTEM_ADMIN)
    RoleGrant.objects.filter(user=user).update(revoked_at=wall())
    _regrant(user.pk, Role.SYSTEM_ADMIN, staff_region)
    grants_forget(user)
    rows = scope_queryset(Client.objects.all(), user)
    assert set(rows.values_list("owner_region", flat=True)) == visible
    assert {code for code in CODES if scope_owns(user, code)} == visible


@pytest.mark.django_db
def test_without_the_permission_nothing_is_visible() -> None:
    client_make()
    assert not scope_queryset(Client.objects.all(), staff_make()).exists()
    assert not scope_queryset(Client.objects.all(), staff_make(Role.CAMPAIGN_MAKER)).exists()
    checker = staff_make(Role.CAMPAIGN_CHECKER)
    assert not scope_queryset(Client.objects.all(), checker, action="core.view_client").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("staff_region", "owner", "regions", "access"),
    [
        (NANNING, NANNING, [QINGXIU], RowAccess.OWNED),
        (NANNING, QINGXIU, [QINGXIU], RowAccess.OWNED),
        (NANNING, PROVINCE, [PROVINCE], RowAccess.READ_WITHOUT_PERSONS),
        (NANNING, PROVINCE, [LIUZHOU, QINGXIU], RowAccess.READ_WITHOUT_PERSONS),
        (NANNING, PROVINCE, [LIUZHOU], RowAccess.NONE),
        (QINGXIU, PROVINCE, [NANNING], RowAccess.READ_WITHOUT_PERSONS),
        (QINGXIU, NANNING, [QINGXIU], RowAccess.READ_WITHOUT_PERSONS),
        (LIUBEI, NANNING, [NANNING], RowAccess.NONE),
        (PROVINCE, LIUBEI, [LIUBEI], RowAccess.OWNED),
        (ELSEWHERE, PROVINCE, [PROVINCE], RowAccess.NONE),
    ],
)
def test_campaigns_of_a_higher_region_that_cover(
    staff_region: str, owner: str, regions: list[str], access: RowAccess
) -> None:
    campaign = Campaign.objects.create(
        code="c",
        title="活动",
        owner_region=owner,
        regions=regions,
        starts_at=datetime(2026, 3, 1, tzinfo=TIME_ZONE),
        ends_at=datetime(2026, 4, 1, tzinfo=TIME_ZONE),
        created_at=wall(),
    )
    user = staff_make()
    _regrant(user.pk, Role.CAMPAIGN_MAKER, staff_region)
    fields = ScopeFields(covers="regions")
    rows = scope_queryset(Campaign.objects.all(), user, fields)
    assert list(rows) == ([] if access is RowAccess.NONE else [campaign])
    assert row_access(user, owner_region=owner, covers=regions) is access
    assert scope_owns(user, owner) is (access is RowAccess.OWNED)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("staff_region", "access"),
    [
        (PROVINCE, RowAccess.OWNED),
        (NANNING, RowAccess.READ_WITHOUT_PERSONS),
        (QINGXIU, RowAccess.READ_WITHOUT_PERSONS),
        (LIUZHOU, RowAccess.NONE),
    ],
)
def test_rows_of_a_store_in_the_subtree(staff_region: str, access: RowAccess) -> None:
    user = staff_make()
    _regrant(user.pk, Role.SERVICE_DESK, staff_region)
    assert row_access(user, owner_region=PROVINCE, store_region=QINGXIU) is access
    condition = scope_queryset(
        Store.objects.all(), user, ScopeFields(store="region_code"), action="redemption.view_x"
    )
    assert "region_code" in str(condition.query)


@pytest.mark.django_db
def test_an_acquirer_sees_its_own_rows_only() -> None:
    mine = organisation_make(Organisation.Kind.ACQUIRER)
    other = organisation_make(Organisation.Kind.ACQUIRER)
    user = staff_make()
    RoleGrant.objects.create(
        user=user,
        role=Role.ACQUIRER_OPERATOR,
        organisation=mine,
        region=Region.objects.get(code=PROVINCE),
        granted_at=wall(),
    )
    clients: dict[str, Model] = {
        name: client_make(organisation=organisation)
        for name, organisation in (("mine", mine), ("other", other))
    }
    action = "merchants.view_store"
    fields = ScopeFields(organisation="organisation")
    rows = scope_queryset(Client.objects.all(), user, fields, action=action)
    assert list(rows) == [clients["mine"]]
    assert not scope_queryset(Client.objects.all(), user, ScopeFields(), action=action).exists()


def _regrant(user_id: int, role: Role, region: str) -> None:
    RoleGrant.objects.create(
        user_id=user_id,
        role=role,
        organisation=organisation_make(),
        region=Region.objects.get(code=region),
        granted_at=wall(),
    )
