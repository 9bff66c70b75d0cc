"""Pages of the vouchers room: scope, switches by one and two people, nothing raw about persons."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.access.models import Role
from core.models import Approval
from tests.factories.campaigns import OPENED_AT, LiveCampaign, campaign_live
from tests.factories.claims import claim_command
from tests.factories.merchants import LIUZHOU, NANNING, client_make
from tests.factories.persons import enrolment_make
from tests.factories.staff import staff_make
from vouchers.models import (
    Batch,
    BatchVersion,
    Claim,
    Enrolment,
    EnrolmentKey,
    IdentityHash,
    IdentityKey,
    Limit,
    QuotaRelease,
    QuotaSlice,
    Voucher,
)
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db
CONFIGURATION: tuple[Any, ...] = (Batch, BatchVersion, Limit, QuotaRelease)
FACTS: tuple[Any, ...] = (Claim, Voucher)
PERSONS: tuple[Any, ...] = (Enrolment, EnrolmentKey, IdentityKey)
SENT = {"_form_submitted": "on"}


def login(role: str, region: str = NANNING) -> Client:
    client = Client()
    client.force_login(staff_make(role, region=region))
    return client


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:vouchers_{model._meta.model_name}_{page}", args=args)


def world(region: str) -> LiveCampaign:
    live = campaign_live(region=region)
    person = enrolment_make(client_make(region=region), region=region)
    for key in IdentityKey.objects.filter(enrolments__enrolment=person):
        IdentityHash.objects.create(
            key=key, kind=key.kind, pepper_version=1, key_hash=f"{key.pk:064d}"
        )
    (outcome,) = vouchers_claim(commands=[claim_command(live.batch, person, at=OPENED_AT)])
    assert outcome.outcome == "ACCEPTED"
    return live


OWNERS: dict[type, Callable[[Any], Any]] = {
    BatchVersion: lambda row: row.batch,
    Limit: lambda row: row.campaign,
    QuotaSlice: lambda row: row.release,
    EnrolmentKey: lambda row: row.enrolment,
    IdentityKey: lambda row: row.enrolments.get().enrolment,
    IdentityHash: lambda row: row.key.enrolments.get().enrolment,
}


def owner(row: Any) -> str:
    owned = OWNERS.get(type(row), lambda row: row)(row)
    return str(owned.owner_region)


@pytest.mark.parametrize(
    ("model", "role"),
    [(model, Role.CAMPAIGN_MAKER) for model in (*CONFIGURATION, QuotaSlice, *FACTS)]
    + [(model, Role.SERVICE_DESK) for model in (*PERSONS, IdentityHash)],
)
def test_lists_and_pages_show_only_the_own_region(model: Any, role: str) -> None:
    world(NANNING)
    world(LIUZHOU)
    client = login(role)
    response = client.get(url(model, "changelist"))
    assert response.status_code == 200
    listed = list(response.context["cl"].queryset)
    assert listed
    assert {owner(row) for row in listed} == {NANNING}
    assert client.get(url(model, "change", listed[0].pk)).status_code == 200
    other = next(row for row in model.objects.all() if owner(row) == LIUZHOU)
    assert client.get(url(model, "change", other.pk)).status_code == 404


@pytest.mark.parametrize("model", PERSONS)
def test_makers_see_no_persons(model: Any) -> None:
    world(NANNING)
    assert login(Role.CAMPAIGN_MAKER).get(url(model, "changelist")).status_code == 403


def test_the_account_shows_its_limits_and_no_hash() -> None:
    world(NANNING)
    person = Enrolment.objects.get()
    page = login(Role.SERVICE_DESK).get(url(Enrolment, "change", person.pk)).content.decode()
    assert "1 / 1" in page
    assert "daily" in page
    assert not any(one.key_hash in page for one in IdentityHash.objects.all())


@pytest.mark.parametrize("side", ["claims", "redemptions"])
def test_a_switch_goes_off_by_one_and_on_by_two(side: str) -> None:
    live = world(NANNING)
    maker = login(Role.CAMPAIGN_MAKER)
    maker.post(url(Batch, f"{side}_off", live.batch.pk), SENT | {"reason": "异常"})
    assert getattr(Batch.objects.get(), f"{side}_on") is False
    maker.post(url(Batch, f"{side}_restart", live.batch.pk), SENT | {"reason": "已处置"})
    assert getattr(Batch.objects.get(), f"{side}_on") is False
    approval = Approval.objects.get(state="PENDING")
    agree = reverse("admin:core_approval_agree", args=(approval.pk,))
    login(Role.CAMPAIGN_CHECKER).post(agree, SENT)
    assert getattr(Batch.objects.get(), f"{side}_on") is True


def test_a_switch_needs_a_reason_and_the_role() -> None:
    live = world(NANNING)
    target = url(Batch, "claims_off", live.batch.pk)
    login(Role.CAMPAIGN_MAKER).post(target, SENT | {"reason": " "})
    assert login(Role.SERVICE_DESK).post(target, SENT | {"reason": "x"}).status_code == 403
    assert Batch.objects.get().claims_on is True
