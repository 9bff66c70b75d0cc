"""Two people at the same moment, and rows that came in behind the database's back."""

import pytest
from django.db import IntegrityError, connections

from core.access.errors import RolePairRefusedError, TooManyKeysError
from core.access.models import Client, ClientKey, Region, Role, RoleGrant
from core.access.roles import grants_forget, grants_of, may
from core.access.services import client_key_issue, role_grant
from core.clock import wall
from core.embedded.record import ServiceUrls
from core.errors import DomainError
from tests.factories.merchants import PROVINCE, client_make, organisation_make
from tests.factories.staff import staff_make
from tests.invariants.helpers import corrupt
from tests.support.threads import at_once


def test_two_excluding_roles_at_once_one_wins(own_database: ServiceUrls) -> None:
    user, organisation = staff_make(), organisation_make()
    region = Region.objects.get(code=PROVINCE)

    def grant(role: Role) -> str:
        try:
            role_grant(user=user, role=role, organisation=organisation, region=region, now=wall())
        except RolePairRefusedError as error:
            return error.code
        return "granted"

    answers = at_once(grant, [Role.LIST_MAKER, Role.SETTLEMENT_MAKER], threads=2)
    assert sorted(answers) == ["granted", "role.pair_refused"]
    assert RoleGrant.objects.filter(user=user).count() == 1


def test_without_the_trigger_both_would_get_in(own_database: ServiceUrls) -> None:
    user = staff_make(Role.LIST_MAKER)
    organisation = organisation_make()
    corrupt(
        "INSERT INTO core_rolegrant (id, user_id, role, organisation_id, region_id, granted_at)"
        " VALUES (gen_random_uuid(), %s, %s, %s, %s, %s)",
        [user.pk, Role.SETTLEMENT_MAKER, organisation.pk, PROVINCE, wall()],
        disable=["core_rolegrant"],
    )
    assert RoleGrant.objects.filter(user=user).count() == 2
    grants_forget(user)
    # Refused at action: neither of two roles that exclude each other is in force.
    assert grants_of(user) == ()
    assert not may(user, "merchants.import_merchant")
    assert not may(user, "redemption.add_settlementbatch")


def test_five_keys_at_once_two_are_issued(own_database: ServiceUrls) -> None:
    client = client_make()

    def issue(_number: int) -> str:
        try:
            client_key_issue(client=client, now=wall())
        except TooManyKeysError as error:
            return error.code
        return "issued"

    answers = at_once(issue, range(5), threads=5)
    assert sorted(answers) == ["client.too_many_keys"] * 3 + ["issued"] * 2
    assert ClientKey.objects.filter(client=client).count() == 2


def test_a_third_key_is_refused_by_raw_sql_too(own_database: ServiceUrls) -> None:
    client = client_make()
    for _ in range(2):
        client_key_issue(client=client, now=wall())
    with pytest.raises(IntegrityError, match="two active keys"):
        _raw_key(client)
    assert ClientKey.objects.filter(client=client).count() == 2
    corrupt("UPDATE core_client SET name = name WHERE id = %s", [client.pk])
    with pytest.raises(IntegrityError, match="only be revoked"):
        ClientKey.objects.filter(client=client).update(algorithm="HMAC-SM3")


def test_a_failed_service_changes_nothing(own_database: ServiceUrls) -> None:
    user = staff_make(Role.LIST_MAKER)
    with pytest.raises(DomainError):
        role_grant(
            user=user,
            role=Role.SETTLEMENT_MAKER,
            organisation=organisation_make(),
            region=Region.objects.get(code=PROVINCE),
            now=wall(),
        )
    assert list(user.grants.values_list("role", flat=True)) == [Role.LIST_MAKER]


def _raw_key(client: Client) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_clientkey"
            " (id, client_id, key_id, algorithm, secret_box, secret_version, created_at)"
            " VALUES (gen_random_uuid(), %s, 'k-raw', 'HMAC-SHA256', '\\x00', 1, %s)",
            [client.pk, wall()],
        )
