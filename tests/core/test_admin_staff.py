"""Pages of staff, grants and organisations: services behind every change, refusals in words."""

import pytest
from django.contrib.auth.models import Group

from core.access.models import Organisation, Region, Role, RoleGrant, User
from core.audit.models import AuditEvent
from tests.factories.merchants import (
    LIUZHOU,
    NANNING,
    PROVINCE,
    organisation_make,
    region_make,
)
from tests.factories.staff import staff_make
from tests.support.admin import Staff, said

pytestmark = pytest.mark.django_db
PASSWORD = "Consume-4-vouchers"


def new_user(**changes: str) -> dict[str, str]:
    return {
        "username": "zhang.san",
        "display_name": "张三",
        "organisation": str(organisation_make().pk),
        "password1": PASSWORD,
        "password2": PASSWORD,
        **changes,
    }


def test_staff_are_made_by_the_service_without_any_role() -> None:
    page = Staff.of(Role.SYSTEM_ADMIN)
    assert page.add(User, new_user()).status_code == 302
    made = User.objects.get(username="zhang.san")
    assert (made.display_name, made.is_staff, made.is_superuser) == ("张三", True, False)
    assert made.check_password(PASSWORD)
    assert not made.grants.exists()
    assert not made.user_permissions.exists()
    event = AuditEvent.objects.get(action="user.create")
    assert (event.actor, event.subject_id) == (page.user, str(made.pk))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password2": "Another-1-password"}, "两次输入的密码不一致"),
        ({"password1": "short1", "password2": "short1"}, "12"),
        ({"organisation": ""}, "必填"),
        ({"username": ""}, "必填"),
    ],
)
def test_a_wrong_form_makes_nobody(changes: dict[str, str], words: str) -> None:
    page = Staff.of(Role.SYSTEM_ADMIN)
    before = User.objects.count()
    response = page.add(User, new_user(**changes))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert (User.objects.count(), AuditEvent.objects.count()) == (before, 0)


def test_a_taken_name_is_refused_on_the_form() -> None:
    page = Staff.of(Role.SYSTEM_ADMIN)
    staff_make(name="李四")
    taken = User.objects.latest("pk").username
    response = page.add(User, new_user(username=taken))
    assert response.status_code == 200
    assert User.objects.filter(display_name="张三").count() == 0


def test_no_page_shows_raw_permissions_or_groups() -> None:
    page = Staff.of(Role.SYSTEM_ADMIN)
    text = page.html(page.page_url(page.user))
    assert "is_superuser" not in text
    assert "user_permissions" not in text
    assert page.get("/admin/auth/group/").status_code == 404
    assert not Group.objects.exists()


def test_a_password_is_set_and_a_person_switched_off_with_a_reason() -> None:
    page, other = Staff.of(Role.SYSTEM_ADMIN), staff_make()
    assert page.act(other, "set_password", password1=PASSWORD, password2=PASSWORD) == (
        "密码已重设，请以安全方式告知本人"
    )
    other.refresh_from_db()
    assert other.check_password(PASSWORD)
    assert page.act(other, "switch_off", reason="离职") == "已停用"
    other.refresh_from_db()
    assert other.is_active is False
    assert AuditEvent.objects.get(action="user.deactivate").reason == "离职"


def test_a_switch_without_a_reason_changes_nothing() -> None:
    page, other = Staff.of(Role.SYSTEM_ADMIN), staff_make()
    response = page.action(other, "switch_off", reason="")
    assert response.status_code == 200
    other.refresh_from_db()
    assert other.is_active is True
    assert not AuditEvent.objects.exists()


def grant_form(user: User, role: str, region: str = PROVINCE) -> dict[str, str]:
    organisation = user.organisation
    assert organisation is not None
    return {
        "user": str(user.pk),
        "role": role,
        "organisation": str(organisation.pk),
        "region": region_make(region).pk,
        "valid_until_0": "",
        "valid_until_1": "",
    }


def test_a_role_is_granted_and_revoked() -> None:
    page, other = Staff.of(Role.SECURITY_ADMIN), staff_make()
    assert page.add(RoleGrant, grant_form(other, Role.CAMPAIGN_MAKER)).status_code == 302
    grant = other.grants.get()
    assert (grant.role, grant.region_id, grant.granted_by) == (
        Role.CAMPAIGN_MAKER,
        PROVINCE,
        page.user,
    )
    assert page.act(grant, "revoke", reason="调岗") == "授权已撤销"
    grant.refresh_from_db()
    assert grant.revoked_at is not None
    assert "已撤销" in page.html(page.page_url(grant))


def test_an_excluded_pair_is_refused_in_words_and_changes_nothing() -> None:
    page, other = Staff.of(Role.SECURITY_ADMIN), staff_make(Role.CAMPAIGN_MAKER)
    response = page.add(RoleGrant, grant_form(other, Role.CAMPAIGN_CHECKER))
    assert response.status_code == 200
    text = response.content.decode()
    assert "活动复核与已有角色活动经办不得由同一人担任" in text
    assert "请先撤销冲突的角色" in text
    assert other.grants.count() == 1
    assert not AuditEvent.objects.exists()


def test_nobody_grants_himself_a_role_and_an_auditor_needs_a_term() -> None:
    page, other = Staff.of(Role.SECURITY_ADMIN), staff_make()
    own = page.add(RoleGrant, grant_form(page.user, Role.SYSTEM_ADMIN))
    assert "不得为本人授权" in own.content.decode()
    auditor = page.add(RoleGrant, grant_form(other, Role.AUDITOR))
    assert "审计员授权必须有期限" in auditor.content.decode()
    assert RoleGrant.objects.count() == 1


def test_staff_and_grants_of_another_city_are_not_there() -> None:
    page = Staff.of(Role.SECURITY_ADMIN, region=NANNING)
    near = staff_make(Role.CAMPAIGN_MAKER, region=NANNING, name="南宁经办")
    far = staff_make(Role.CAMPAIGN_MAKER, region=LIUZHOU, name="柳州经办")
    for model in (User, RoleGrant):
        text = page.html(page.list_url(model))
        assert "南宁经办" in text
        assert "柳州经办" not in text
    assert page.get(page.page_url(far)).status_code == 404
    assert page.get(page.page_url(far.grants.get())).status_code == 404
    assert page.get(page.page_url(near.grants.get())).status_code == 200
    found = page.get(
        "/admin/autocomplete/",
        {"app_label": "core", "model_name": "rolegrant", "field_name": "user", "term": "经办"},
    ).json()
    assert [row["text"] for row in found["results"]] == ["南宁经办"]


def test_an_organisation_is_made_renamed_and_keeps_its_kind() -> None:
    page = Staff.of(Role.SYSTEM_ADMIN)
    region_make(NANNING)
    form = {"name": "南宁市商务局", "code": "nn-swj", "kind": "BUREAU", "region": NANNING}
    assert page.add(Organisation, form).status_code == 302
    made = Organisation.objects.get(code="nn-swj")
    again = page.add(Organisation, form)
    assert again.status_code == 200
    response = page.client.post(
        page.page_url(made), {"name": "南宁市商务局（新）", "kind": "BANK", "is_active": "on"}
    )
    assert response.status_code == 302
    made.refresh_from_db()
    assert (made.name, made.kind, made.is_active) == ("南宁市商务局（新）", "BUREAU", True)
    assert Organisation.objects.filter(code="nn-swj").count() == 1


def test_regions_are_read_only() -> None:
    page = Staff.of(Role.SYSTEM_ADMIN)
    region = region_make(NANNING)
    assert page.get(page.add_url(Region)).status_code == 403
    page.client.post(page.page_url(region), {"name": "改名"})
    region.refresh_from_db()
    assert region.name == "南宁市"


def test_ones_own_password_change_is_recorded() -> None:
    page = Staff.of(Role.CAMPAIGN_MAKER)
    response = page.client.post(
        "/admin/password_change/",
        {
            "old_password": "Test-password-1",
            "new_password1": PASSWORD,
            "new_password2": PASSWORD,
        },
    )
    assert response.status_code == 302
    page.user.refresh_from_db()
    assert page.user.check_password(PASSWORD)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor) == ("user.password", page.user)
    assert said(response) == []
    assert page.get("/admin/").status_code == 200
