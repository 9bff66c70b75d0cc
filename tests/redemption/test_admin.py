"""Pages of redemptions: read-only, scoped by owner and store, found by the channels' number."""

import csv
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from core.access.models import Role
from core.ids import to_public
from redemption.models import PaymentCode, Redemption, RedemptionLine, RedemptionStep
from redemption.services.refund import redemptions_refund
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE
from tests.factories.redemption import Shop, confirmed_make, refund_command, shop_make
from tests.factories.staff import staff_make
from tests.redemption.api_world import pay_world
from vouchers.models import IdentityKey

pytestmark = pytest.mark.django_db
MODELS: tuple[Any, ...] = (Redemption, RedemptionStep)


def url(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:redemption_{model._meta.model_name}_{page}", args=args)


def login(region: str = PROVINCE, *roles: str) -> Client:
    client = Client()
    client.force_login(staff_make(*(roles or (Role.CAMPAIGN_MAKER,)), region=region))
    return client


@pytest.fixture
def made() -> tuple[Shop, UUID]:
    """A province's redemption at a store in Nanning, with a refund."""
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    redemptions_refund(commands=[refund_command(redemption_id, 5_000)])
    return shop, redemption_id


def test_lists_and_pages_open_for_the_owner(made: tuple[Shop, UUID]) -> None:
    shop, redemption_id = made
    staff = login()
    number = to_public("rdm", redemption_id)
    for model in MODELS:
        text = staff.get(url(model, "changelist")).content.decode()
        assert number in text
    page = staff.get(url(Redemption, "change", redemption_id)).content.decode()
    for shown in (number, "100.00", "30.00", "50.00", "35.00", shop.store.name, "退款"):
        assert shown in page
    step = RedemptionStep.objects.get(kind="REFUND")
    page = staff.get(url(RedemptionStep, "change", step.pk)).content.decode()
    for shown in ("15.00", "10.00", "3.50", "1.50", "仍为已用"):
        assert shown in page


def test_the_stores_region_sees_the_redemption_without_the_person(
    made: tuple[Shop, UUID],
) -> None:
    _, redemption_id = made
    enrolment_id = Redemption.objects.get(pk=redemption_id).enrolment_id
    person = to_public("per", enrolment_id)
    path = url(Redemption, "change", redemption_id)
    assert person in login().get(path).content.decode()
    response = login(NANNING).get(path)
    assert response.status_code == 200
    for number in (person, str(enrolment_id)):
        assert number not in response.content.decode()
    assert login(LIUZHOU).get(path).status_code == 404


def test_nothing_can_be_added_changed_or_deleted(made: tuple[Shop, UUID]) -> None:
    _, redemption_id = made
    staff = login()
    for model, pk in (
        (Redemption, redemption_id),
        (RedemptionStep, RedemptionStep.objects.values_list("pk", flat=True)[0]),
    ):
        assert staff.get(url(model, "add")).status_code == 403
        assert staff.post(url(model, "change", pk), {"state": "HELD"}).status_code == 403
        assert staff.post(url(model, "delete", pk), {"post": "yes"}).status_code == 403


def test_search_by_number_order_trade_and_voucher(made: tuple[Shop, UUID]) -> None:
    shop, redemption_id = made
    other = confirmed_make(shop)
    row = Redemption.objects.get(pk=redemption_id)
    staff = login()
    for term in (
        to_public("rdm", redemption_id),
        str(redemption_id),
        row.order_no,
        row.channel_trade_no,
        RedemptionLine.objects.get(redemption_id=redemption_id).voucher.code,
    ):
        text = staff.get(url(Redemption, "changelist"), {"q": term}).content.decode()
        assert to_public("rdm", redemption_id) in text
        assert to_public("rdm", other) not in text


def test_lines_are_found_by_the_code_of_their_voucher(made: tuple[Shop, UUID]) -> None:
    shop, redemption_id = made
    confirmed_make(shop)
    line = RedemptionLine.objects.get(redemption_id=redemption_id)
    text = login().get(url(RedemptionLine, "changelist"), {"q": line.voucher.code}).content.decode()
    assert f'value="{line.pk}"' in text
    assert text.count('name="_selected_action"') == 1


def test_lists_stay_within_their_query_budget(
    made: tuple[Shop, UUID], django_assert_max_num_queries: Any
) -> None:
    shop, _ = made
    staff = login()
    staff.get(url(Redemption, "changelist"))
    for _ in range(5):
        confirmed_make(shop)
    with django_assert_max_num_queries(25):
        staff.get(url(Redemption, "changelist"))
    with django_assert_max_num_queries(25):
        staff.get(url(RedemptionStep, "changelist"))


def test_payment_codes_show_their_use_and_never_the_code() -> None:
    world = pay_world()
    code = world.code_make()
    staff = login(PROVINCE, Role.SERVICE_DESK)
    text = staff.get(url(PaymentCode, "changelist"))
    assert text.status_code == 200
    row = PaymentCode.objects.get()
    page = staff.get(url(PaymentCode, "change", row.pk)).content.decode()
    for secret in (code, row.code_hash, row.numeric_hash):
        assert secret not in page
    assert login(LIUZHOU).get(url(PaymentCode, "change", row.pk)).status_code == 404


def exported(staff: Client, model: Any, pk: object) -> tuple[str, dict[str, str]]:
    """Export one row as CSV; return the file's name and what stands under each heading."""
    data = {"action": "export_csv", "_selected_action": [str(pk)]}
    answer: Any = staff.post(url(model, "changelist"), data)
    rows = csv.DictReader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines())
    name = answer["Content-Disposition"].partition("filename*=utf-8''")[2]
    return unquote(name), next(iter(rows))


def test_an_export_has_a_chinese_name_yuan_in_its_headings_and_empty_cells(
    made: tuple[Shop, UUID],
) -> None:
    name, row = exported(login(), Redemption, made[1])
    assert name == "核销单.csv"
    assert (row["订单金额（元）"], row["补贴金额（元）"], row["已退订单金额（元）"]) == (
        "100.00",
        "30.00",
        "50.00",
    )


def test_nothing_is_an_empty_cell_of_an_export() -> None:
    world = pay_world()
    world.code_make()
    code = PaymentCode.objects.get()
    _name, row = exported(login(PROVINCE, Role.SERVICE_DESK), PaymentCode, code.pk)
    assert (row["使用时间"], row["核销单"]) == ("", "")


def test_a_payment_code_names_its_device() -> None:
    world = pay_world()
    world.code_make()
    code = PaymentCode.objects.get()
    device = IdentityKey.objects.create(kind="DEVICE", masked="****4711")
    PaymentCode.objects.filter(pk=code.pk).update(device_key_id=device.pk)
    page = login(PROVINCE, Role.SERVICE_DESK).get(url(PaymentCode, "change", code.pk))
    assert "设备 ****4711" in page.content.decode()
