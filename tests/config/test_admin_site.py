"""The admin as a whole: every model reachable, scoped, read-only for auditors."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.forms import MultiValueField
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from config.admin_menu import MENU, navigation
from core.access.models import Role, User
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE
from tests.factories.staff import staff_make
from tests.factories.world import APPS, NAMES, World, project_models, world_make
from tests.support.admin import Staff, path_of, title_of
from vouchers.models import AudienceMember, CapUse, LimitUse

pytestmark = pytest.mark.django_db

INSIDE_ANOTHER_PAGE: set[type[Model]] = {LimitUse, AudienceMember, CapUse}
"""A composite key has no page of its own: shown with the enrolment, or to nobody."""
SHARED = {"Region", "Brand", "Funder"}
"""Reference data that every region uses."""
READS = {"download"}
"""Actions that give the reader something and change nothing."""
PLATFORM = {"OutboxEvent", "Delivery", "ScheduledTick", "AuditLink", "BusinessClock"}
"""Technical tables, for the province's staff."""


def pages() -> list[tuple[type[Model], Any]]:
    known = {model: admin.site._registry.get(model) for model in project_models()}
    return [(model, page) for model, page in known.items() if page is not None]


def request_of(user: User) -> HttpRequest:
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def visible(page: ModelAdmin[Any], user: User) -> set[Any]:
    return set(page.get_queryset(request_of(user)).values_list("pk", flat=True))


def test_every_model_has_a_page_and_a_place_in_the_menu() -> None:
    without = {m for m in project_models() if m not in admin.site._registry} - INSIDE_ANOTHER_PAGE
    assert {model.__name__ for model in without} == set()
    listed = [entry.model for _title, entries in MENU for entry in entries]
    assert len(listed) == len(set(listed))
    registered = {model._meta.label for model in admin.site._registry}
    assert set(listed) == registered


def filters_of(html: Any) -> Iterator[dict[str, str]]:
    """Return one query per filter of a list, with a value that it offers."""
    changelist = html.context["cl"]
    for spec in changelist.filter_specs:
        for choice in list(spec.choices(changelist))[-1:]:
            if "form" in choice:
                yield from _of_form(choice["form"])
            elif "query_string" in choice:
                yield dict(parse_qsl(urlsplit(choice["query_string"]).query))


def _of_form(form: Any) -> Iterator[dict[str, str]]:
    for name, field in form.fields.items():
        if isinstance(field, MultiValueField):
            yield {f"{name}_0": "2026-03-06", f"{name}_1": "08:00"}
            continue
        choices = [str(value) for value, _label in getattr(field, "choices", ()) if value]
        values = choices[:1] or ["2026-03-06" if "date" in type(field).__name__.lower() else "1"]
        yield from ({name: value} for value in values)


def menu_of(page: Staff) -> dict[str, list[str]]:
    """Return group and name of the menu's entries, by the address of their list."""
    request = page.get("/admin/").wsgi_request
    return {
        str(item["link"]): [str(group["title"]), str(item["title"])]
        for group in navigation(request)
        for item in group["items"]
    }


def test_every_list_page_search_and_filter_opens_under_one_name(world: World) -> None:
    """As somebody who may look at everything of the province; menu, title and path agree."""
    page = Staff.of(Role.AUDITOR, region=PROVINCE)
    menu = menu_of(page)
    for model, model_admin in pages():
        url = page.list_url(model)
        response = page.get(url)
        assert response.status_code == 200, model
        group, name = menu[url]
        assert title_of(response.content.decode()) == f"{name} | 政府消费券平台", model
        assert path_of(response.content.decode()) == [group, name], model
        assert str(model._meta.verbose_name_plural) == name
        terms = ("南宁 '\"\\%_", "0" * 40) if model_admin.search_fields else ("", "")
        columns = range(1, len(model_admin.get_list_display(response.wsgi_request)) + 1)
        everything = ".".join(f"-{number}" for number in columns)
        filtered = {name: value for query in filters_of(response) for name, value in query.items()}
        # A filter that cannot read its value sends the reader back to the bare list, which is 302.
        for query in ({"q": terms[0], "o": everything}, {"q": terms[1], **filtered}):
            assert page.get(url, query).status_code == 200, (model, query)
        for key in sorted(world.rows[model], key=str)[:2]:
            row = model._default_manager.get(pk=key)
            assert path_of(page.html(page.page_url(row)))[:2] == [group, name], row


@pytest.fixture
def world() -> World:
    return world_make(NANNING)


def test_a_city_sees_its_own_rows_only(world: World) -> None:
    far = world_make(LIUZHOU)
    city, province = (staff_make(Role.AUDITOR, region=code) for code in (NANNING, PROVINCE))
    for model, model_admin in pages():
        name = model.__name__
        if name in SHARED:
            continue
        seen = visible(model_admin, city)
        assert not seen & far.rows[model], name
        if name in PLATFORM:
            assert not seen, name
            continue
        assert world.rows[model] <= visible(model_admin, province), name
        if name not in {"User", "RoleGrant", "Organisation", "Approval", "ApprovalDecision"}:
            # Rows made for the province (its staff and their approvals) are not the city's.
            assert world.rows[model] <= seen, name


def test_pages_of_another_city_are_404_and_no_list_names_it(world: World) -> None:
    far = world_make(LIUZHOU)
    page = Staff.of(Role.AUDITOR, region=NANNING)
    for model, _admin in pages():
        if model.__name__ in SHARED | PLATFORM:
            continue
        text = page.html(page.list_url(model))
        for word in ("测试商户", "测试门店", "收单机构", "日报", "事项", "对账文件"):
            assert NAMES[LIUZHOU] + word not in text, (model, word)
        for key in sorted(far.rows[model], key=str)[:1]:
            row = model._default_manager.get(pk=key)
            assert page.get(page.page_url(row)).status_code in {403, 404}, row


def test_autocompletes_and_exports_are_scoped(world: World) -> None:
    far = world_make(LIUZHOU)
    page = Staff.of(Role.AUDITOR, region=NANNING)
    for model, model_admin in pages():
        for name in model_admin.get_autocomplete_fields(request_of(page.user)):
            opts = model._meta
            found = page.get(
                "/admin/autocomplete/",
                {"app_label": opts.app_label, "model_name": opts.model_name, "field_name": name},
            )
            if found.status_code == 403:
                continue
            target: Any = opts.get_field(name).related_model
            keys = {str(key) for key in far.rows.get(target, ())}
            if target.__name__ not in SHARED:
                assert not keys & {row["id"] for row in found.json()["results"]}, (model, name)
        ids = [str(key) for key in (*sorted(world.rows[model], key=str)[:2], *far.rows[model])]
        sent: Any = page.client.post(
            page.list_url(model), {"action": "export_csv", "_selected_action": ids}
        )
        if sent.status_code != 200 or not sent.streaming:
            continue
        text = b"".join(sent.streaming_content).decode("utf-8-sig")
        if model.__name__ not in SHARED:
            assert "柳州测试" not in text, model


def test_an_auditor_changes_nothing(world: World) -> None:
    page = Staff.of(Role.AUDITOR, region=NANNING)
    for model, model_admin in pages():
        request = request_of(page.user)
        assert not model_admin.has_add_permission(request), model
        assert not model_admin.has_change_permission(request), model
        assert not model_admin.has_delete_permission(request), model
        row = model_admin.get_queryset(request).first()
        if row is None:
            continue
        before = model._default_manager.filter(pk=row.pk).values().get()
        assert page.client.post(page.page_url(row), {}).status_code in {403, 404}, model
        for name in model_admin._extract_action_names(model_admin.actions_detail):
            status = page.action(row, name, reason="试").status_code
            assert status == 403 or name in READS, (model, name)
        assert model._default_manager.filter(pk=row.pk).values().get() == before


def test_staff_without_a_role_see_an_empty_house(world: World) -> None:
    page = Staff.of()
    assert "您尚无任何角色" in page.html("/admin/")
    for model, _admin in pages():
        assert page.get(page.list_url(model)).status_code == 403, model
        row = model._default_manager.first()
        if row is not None:
            assert page.get(page.page_url(row)).status_code in {403, 404}, model


def test_lists_and_first_page_ask_no_more_queries_for_more_rows(world: World) -> None:
    page = Staff.of(Role.AUDITOR, region=PROVINCE)

    def counts() -> dict[str, int]:
        found = {}
        for model, _admin in pages():
            with CaptureQueriesContext(connection) as queries:
                page.html(page.list_url(model))
            found[model.__name__] = asked(queries)
        with CaptureQueriesContext(connection) as queries:
            page.html("/admin/")
        found["first page"] = asked(queries)
        return found

    ContentType.objects.get_for_models(*project_models())  # what a process reads once
    page.html("/admin/")
    before = counts()
    world_make(LIUZHOU)
    for _more in range(8):
        copies_make()
    after = counts()
    grown = {name: (before[name], n) for name, n in after.items() if n > before[name]}
    assert grown == {}
    assert max(after.values()) <= 40


def asked(queries: CaptureQueriesContext) -> int:
    """Count queries, but for the clock's, which a process reads anew after 200 ms."""
    return sum("core_businessclock" not in query["sql"] for query in queries)


def copies_make() -> None:
    """Add rows to the lists that usually grow."""
    from tests.factories.redemption import confirmed_make, shop_make

    shop = shop_make()
    for _payment in range(2):
        confirmed_make(shop)


def test_every_first_page_opens_for_every_role() -> None:
    for role in Role.values:
        page = Staff.of(role)
        response = page.get("/admin/")
        for card in response.context["todo"]:
            assert page.get(card["link"]).status_code == 200, (role, card["link"])
        text = response.content.decode()
        assert "工作台" in text
        assert "您尚无任何角色" not in text or role in {
            Role.SECURITY_ADMIN,
            Role.SECURITY_AUDITOR,
            Role.SYSTEM_ADMIN,
            Role.ACQUIRER_OPERATOR,
        }, role


def test_the_log_in_page_is_chinese() -> None:
    text = Client().get("/admin/login/").content.decode()
    for words in ("政府消费券平台", "用户名", "密码", "登录"):
        assert words in text, words
    for words in ("Welcome back", "Log in", "Username"):
        assert words not in text, words


@override_settings(AXES_ENABLED=True)
def test_a_locked_log_in_says_so_in_chinese() -> None:
    user = staff_make(Role.CAMPAIGN_MAKER)
    client = Client()
    form = {"username": user.username, "password": "wrong"}
    for _attempt in range(5):
        response = client.post("/admin/login/", form)
    assert response.status_code == 429
    text = response.content.decode()
    assert "登录已锁定" in text
    assert "15 分钟" in text
    right = client.post("/admin/login/", {**form, "password": "Test-password-1"})
    assert right.status_code == 429


def test_app_pages_and_the_menu_search_open() -> None:
    page = Staff.of(Role.AUDITOR, region=NANNING)
    for app in APPS:
        assert page.get(f"/admin/{app}/").status_code == 200, app
    found = page.html("/admin/search/", {"s": "核销单"})
    assert "/admin/redemption/redemption/" in found
    nobody = Staff.of()
    assert "/admin/redemption/redemption/" not in nobody.html("/admin/search/", {"s": "核销单"})
