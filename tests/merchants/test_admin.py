"""Pages of the merchants room: scope in lists, forms, filters, exports; services behind changes."""

import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from core.access.models import Role
from core.audit.models import AuditEvent
from merchants.models import Acquirer, Brand, Merchant, MerchantStaff, Payee, Store, Terminal
from tests.factories.merchants import (
    LIUBEI,
    LIUZHOU,
    NANNING,
    PROVINCE,
    QINGXIU,
    acquirer_make,
    merchant_make,
    merchant_staff_make,
    payee_make,
    store_make,
    terminal_make,
    uscc_make,
)
from tests.merchants.lists import ACCOUNT
from tests.merchants.logins import login

pytestmark = pytest.mark.django_db
MODELS: tuple[Any, ...] = (Acquirer, Brand, Merchant, Store, Terminal, Payee, MerchantStaff)


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:merchants_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def world() -> dict[str, Any]:
    """A merchant with everything in Nanning and one in Liuzhou."""
    acquirer = acquirer_make(name="广西测试收单")
    nanning = merchant_make(region=NANNING, name="南宁商户")
    liuzhou = merchant_make(region=LIUZHOU, name="柳州商户")
    here = terminal_make(store_make(nanning, region=QINGXIU, name="青秀店"), acquirer)
    there = terminal_make(store_make(liuzhou, region=LIUBEI, name="柳北店"), acquirer)
    for merchant in (nanning, liuzhou):
        merchant_staff_make(merchant, key_kind="MOBILE", key_hash=merchant.uscc, masked="韦*")
    return {
        "acquirer": acquirer,
        "nanning": nanning,
        "liuzhou": liuzhou,
        "here": here,
        "there": there,
    }


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_show_only_the_own_region(
    maker: Client, world: dict[str, Any], model: Any
) -> None:
    response = maker.get(url(model, "changelist"))
    assert response.status_code == 200
    text = response.content.decode()
    assert "柳州商户" not in text
    assert "柳北店" not in text
    mine = response.context["cl"].queryset
    if model not in (Acquirer, Brand):
        assert mine.count() == 1
        other = model._default_manager.exclude(pk__in=mine.values("pk")).get()
        assert maker.get(url(model, "change", other.pk)).status_code == 404
    for row_shown in mine:
        assert maker.get(url(model, "change", row_shown.pk)).status_code == 200


@pytest.mark.parametrize("model", [Merchant, Store, Terminal, Payee])
def test_search_and_filters_open(maker: Client, world: dict[str, Any], model: Any) -> None:
    base = url(model, "changelist")
    for query in ("q=南宁", f"region={NANNING}", f"region={LIUZHOU}", f"store_region={QINGXIU}"):
        response = maker.get(f"{base}?{query}")
        assert response.status_code in (200, 302), query
        assert "柳州商户" not in response.content.decode()


def test_the_region_filter_narrows(world: dict[str, Any]) -> None:
    province = login(Role.LIST_MAKER, region=PROVINCE)
    base = url(Merchant, "changelist")
    everything = province.get(base).context["cl"].queryset
    assert set(everything) == {world["nanning"], world["liuzhou"]}
    chosen = province.get(f"{base}?region={LIUZHOU}").context["cl"].queryset
    assert set(chosen) == {world["liuzhou"]}


def test_a_store_shows_its_merchant_read_only(maker: Client, world: dict[str, Any]) -> None:
    store_make(world["liuzhou"], region=QINGXIU, name="青秀分店")
    response = maker.get(url(Merchant, "changelist"))
    assert set(response.context["cl"].queryset) == {world["nanning"], world["liuzhou"]}
    page = url(Merchant, "change", world["liuzhou"].pk)
    assert maker.get(page).status_code == 200
    assert maker.post(page, {"name": "夺名"}).status_code == 403
    world["liuzhou"].refresh_from_db()
    assert world["liuzhou"].name == "柳州商户"


def test_pages_name_regions_and_identifiers(maker: Client, world: dict[str, Any]) -> None:
    payee = payee_make(world["nanning"], world["acquirer"])
    for row in (world["nanning"], world["here"].store, payee, acquirer_make(region=NANNING)):
        page = maker.get(url(type(row), "change", row.pk)).content.decode()
        assert "南宁市（450100）" in page, row
    assert (
        "青秀区（450103）"
        in maker.get(url(Store, "change", world["here"].store_id)).content.decode()
    )
    person = MerchantStaff.objects.get(merchant=world["nanning"])
    MerchantStaff.objects.filter(pk=person.pk).update(masked="韦* 138****0007")
    for path, query in (
        (url(MerchantStaff, "changelist"), {"q": "0007"}),
        (url(MerchantStaff, "change", person.pk), {}),
    ):
        page = maker.get(path, query).content.decode()
        assert "手机号" in page
        assert "MOBILE" not in page
        assert "138****0007" in page


def test_autocomplete_and_related_choices_are_scoped(maker: Client, world: dict[str, Any]) -> None:
    found = maker.get(
        reverse("admin:autocomplete"),
        {"app_label": "merchants", "model_name": "store", "field_name": "merchant", "term": "商户"},
    ).json()["results"]
    assert [item["id"] for item in found] == [str(world["nanning"].pk)]
    form = maker.get(url(Store, "add"))
    assert LIUBEI not in form.content.decode()
    foreign = maker.post(
        url(Store, "add"),
        {
            "merchant": str(world["liuzhou"].pk),
            "name": "抢建店",
            "region_code": QINGXIU,
            "owner_region": NANNING,
        },
    )
    assert foreign.status_code == 200
    assert not Store.objects.filter(name="抢建店").exists()


def test_add_and_change_a_merchant_through_services(maker: Client) -> None:
    uscc = uscc_make()
    data = {
        "uscc": uscc,
        "name": "新商户",
        "mcc": "5411",
        "tier": "-",
        "owner_region": NANNING,
        "commitment_on": "2026-01-05",
    }
    wrong = maker.post(url(Merchant, "add"), {**data, "uscc": uscc[:17] + "I"})
    assert "统一社会信用代码校验位不正确" in wrong.content.decode()
    foreign = maker.post(url(Merchant, "add"), {**data, "owner_region": LIUZHOU})
    assert foreign.status_code == 200
    assert not Merchant.objects.exists()
    assert maker.post(url(Merchant, "add"), data).status_code == 302
    merchant = Merchant.objects.get()
    assert (merchant.industry, merchant.owner_region) == ("SUPERMARKET", NANNING)
    changed = {"name": "改名商户", "mcc": "5411", "industry": "SUPERMARKET", "tier": "3A"}
    page = url(Merchant, "change", merchant.pk)
    assert maker.post(page, {**changed, "commitment_on": "2026-01-05"}).status_code == 302
    merchant.refresh_from_db()
    assert (merchant.name, merchant.tier, merchant.uscc) == ("改名商户", "3A", uscc)
    actions = AuditEvent.objects.filter(subject_id=str(merchant.pk)).order_by("pk")
    assert [event.action for event in actions] == ["merchant.create", "merchant.update"]


def test_suspension_by_a_maker_resumption_by_a_checker(
    maker: Client, world: dict[str, Any]
) -> None:
    merchant = world["nanning"]
    checker = login(Role.LIST_CHECKER)

    def act(client: Client, name: str, reason: str) -> int:
        page = reverse(f"admin:merchants_merchant_{name}", args=(merchant.pk,))
        status = client.post(page, {"reason": reason, "_form_submitted": "True"}).status_code
        merchant.refresh_from_db()
        return status

    assert act(maker, "suspend", "") == 200
    assert merchant.state == "ACTIVE"
    assert act(maker, "suspend", "投诉核查") == 302
    assert merchant.state == "SUSPENDED"
    assert act(maker, "resume", "我说可以") == 403
    assert merchant.state == "SUSPENDED"
    assert act(checker, "resume", "核查无误") == 302
    assert merchant.state == "ACTIVE"
    assert act(checker, "remove", "违约清退") == 302
    assert act(checker, "resume", "反悔") == 403  # a button that cannot work is not there
    assert merchant.state == "REMOVED"


def test_actions_of_another_region_are_404(maker: Client, world: dict[str, Any]) -> None:
    for page in (
        reverse("admin:merchants_merchant_suspend", args=(world["liuzhou"].pk,)),
        reverse("admin:merchants_terminal_record_test", args=(world["there"].pk,)),
    ):
        data = {"reason": "x", "passed": "1", "_form_submitted": "True"}
        assert maker.post(page, data).status_code == 404
    world["liuzhou"].refresh_from_db()
    assert world["liuzhou"].state == "ACTIVE"


def test_payee_page_takes_an_account_and_never_shows_it(
    maker: Client, world: dict[str, Any]
) -> None:
    data = {
        "acquirer": str(world["acquirer"].pk),
        "merchant": str(world["nanning"].pk),
        "merchant_no": "898450058129999",
        "account_name": "南宁商户",
        "account": ACCOUNT,
    }
    assert maker.post(url(Payee, "add"), {**data, "account": "12"}).status_code == 200
    assert maker.post(url(Payee, "add"), data).status_code == 302
    payee = Payee.objects.get(merchant_no="898450058129999")
    assert (payee.account_tail, payee.merchant) == ("0123", world["nanning"])
    assert ACCOUNT not in maker.get(url(Payee, "change", payee.pk)).content.decode()
    again = maker.post(url(Payee, "add"), {**data, "account": "6222021234567899999"})
    assert "请填写理由" in again.content.decode()
    page = reverse("admin:merchants_payee_change_account", args=(payee.pk,))
    form = {"account_name": "南宁商户", "account": "6222021234567899999", "reason": "换行"}
    assert maker.post(page, {**form, "_form_submitted": "True"}).status_code == 302
    payee.refresh_from_db()
    assert payee.valid_until is not None


def test_terminal_pages(maker: Client, world: dict[str, Any]) -> None:
    terminal = world["here"]
    page = reverse("admin:merchants_terminal_record_test", args=(terminal.pk,))
    data = {"passed": "0", "note": "扫码无响应", "_form_submitted": "True"}
    assert maker.post(page, data, headers={"HX-Request": "true"}).status_code == 200
    terminal.refresh_from_db()
    assert (terminal.is_active, terminal.tested_at) == (False, None)
    change = url(Terminal, "change", terminal.pk)
    refused = maker.post(change, {"is_active": "on"})
    assert "终端未通过验券测试，不能启用" in refused.content.decode()
    listed = maker.post(
        url(Terminal, "changelist"),
        {"action": "tests_passed", "_selected_action": [str(terminal.pk), str(world["there"].pk)]},
    )
    assert listed.status_code == 302
    terminal.refresh_from_db()
    assert terminal.is_active
    other = world["there"]
    other.refresh_from_db()
    assert other.tested_at == terminal_make().tested_at


def test_export_is_scoped_and_recorded(maker: Client, world: dict[str, Any]) -> None:
    selected = [str(world["nanning"].pk), str(world["liuzhou"].pk)]
    base = url(Merchant, "changelist")
    response = maker.post(base, {"action": "export_xlsx", "_selected_action": selected})
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert [cells[0] for cells in rows] == ["商户名称", "南宁商户"]
    assert rows[1][1] == world["nanning"].uscc
    event = AuditEvent.objects.get(action="admin.export")
    assert (event.subject_type, event.data["rows"]) == ("merchants.merchant", 1)
    response = maker.post(base, {"action": "export_csv", "_selected_action": selected})
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert "南宁商户" in text
    assert "柳州商户" not in text


def test_nothing_is_deleted(maker: Client, world: dict[str, Any]) -> None:
    for model in MODELS:
        found = model._default_manager.first()
        if found is not None:
            page = maker.post(url(model, "delete", found.pk), {"post": "yes"})
            assert page.status_code in (403, 404)
            assert model._default_manager.filter(pk=found.pk).exists()


@pytest.mark.parametrize("model", MODELS)
def test_roles_without_the_permission_are_refused(world: dict[str, Any], model: Any) -> None:
    assert login(Role.SYSTEM_ADMIN).get(url(model, "changelist")).status_code == 403
    viewer = login(Role.LIST_CHECKER)
    assert viewer.get(url(model, "changelist")).status_code == 200
    assert viewer.get(url(model, "add")).status_code == 403


def test_lists_cost_the_same_for_more_rows(
    maker: Client, world: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    for model in (Merchant, Store, Terminal, Payee, MerchantStaff):
        maker.get(url(model, "changelist"))  # warms what a process keeps
    for _more in range(12):
        terminal = terminal_make(store_make(merchant_make(region=NANNING)), world["acquirer"])
        merchant_staff_make(
            terminal.store.merchant, key_kind="MOBILE", key_hash=terminal.terminal_no
        )
    for model in (Merchant, Store, Terminal, Payee, MerchantStaff):
        with django_assert_max_num_queries(10):
            assert maker.get(url(model, "changelist")).context["cl"].result_count == 13


# -- the import page ---------------------------------------------------------------------------


def test_payee_rows_of_a_merchant_are_listed_once(maker: Client, world: dict[str, Any]) -> None:
    for _more in range(3):
        payee_make(world["nanning"], acquirer_make())
        store_make(world["nanning"], region=QINGXIU)
    assert maker.get(url(Merchant, "changelist")).context["cl"].result_count == 1
