"""一笔穿透: every station of a redemption, in scope, without persons, in few queries."""

import io
import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client as DjangoClient
from django.test.utils import CaptureQueriesContext

from core.access.models import Role, RoleGrant, User
from core.ids import new_id, to_public
from redemption.models import Redemption, RedemptionStep
from redemption.settlement.models import Payout
from redemption.settlement.recon.importing import recon_file_import
from redemption.settlement.recon.ours import trades_of
from redemption.settlement.recon.zm import zm_write
from redemption.trace.selectors import trace_find, trace_redemption, trace_stages
from redemption.trace.stage import Stage
from tests.factories.campaigns import BatchPlan
from tests.factories.merchants import LIUZHOU, NANNING, SINCE
from tests.factories.redemption import Shop, confirmed_make, held_make, shop_make
from tests.factories.staff import staff_make
from tests.redemption.settlement.factories import DAY, NIGHT, built, maker_make, paid, reduced

pytestmark = pytest.mark.django_db
TITLES = [
    "领取",
    "规则版本与批准",
    "出资分摊",
    "核销",
    "记账凭证",
    "结算",
    "划付与银行流水",
    "收单机构对账文件",
]


def reconciled(shop: Shop) -> None:
    """Import the acquirer's file of the day."""
    content = b"".join(
        zm_write(
            acquirer_code=shop.terminal.acquirer.code,
            day=DAY,
            trades=trades_of(acquirer_id=shop.terminal.acquirer_id, day=DAY),
        )
    )
    recon_file_import(
        acquirer_id=shop.terminal.acquirer_id,
        source=io.BytesIO(content),
        name="zm-0306.txt",
        actor=maker_make(),
        now=NIGHT,
    )


def settled_make() -> tuple[Shop, UUID]:
    """Return a payment that went all the way."""
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    reconciled(shop)
    paid(built(shop))
    return shop, redemption_id


def stages_of(user: User, redemption_id: UUID) -> dict[str, Stage]:
    redemption = trace_redemption(user, redemption_id)
    assert redemption is not None
    return {stage.title: stage for stage in trace_stages(user, redemption)}


def facts(stage: Stage) -> dict[str, str]:
    return {fact.label: str(fact.value) for fact in stage.facts}


def test_every_station_of_a_settled_payment() -> None:
    shop, redemption_id = settled_make()
    stages = stages_of(staff_make(Role.SETTLEMENT_CHECKER), redemption_id)
    assert list(stages) == TITLES
    payout = Payout.objects.get()
    redemption = Redemption.objects.get()
    version = shop.live.version
    assert facts(stages["领取"])["领取时间"] == "2026-03-06 08:00:00"
    rules = facts(stages["规则版本与批准"])
    assert rules["方案摘要（SHA-256）"] == version.config_hash
    assert rules["经办"] == str(version.approval.maker)
    assert rules["复核"] == str(version.approval.decisions.get().checker)
    (split,) = stages["出资分摊"].tables
    assert [row[2:] for row in split.rows] == [
        ("200", "20.00", "20.00"),
        ("70", "7.00", "7.00"),
        ("30", "3.00", "3.00"),
        ("300", "30.00", "30.00"),
    ]
    (steps,) = stages["核销"].tables
    assert [(row[0], *row[-3:]) for row in steps.rows] == [
        ("占用", "100.00", "70.00", "30.00"),
        ("核销", "100.00", "70.00", "30.00"),
    ]
    hold, confirm = stages["记账凭证"].tables
    assert [row[0] for row in hold.rows] == ["已领取未使用"] * 3
    assert sorted((row[1], row[3], row[4]) for row in confirm.rows) == [
        ("商户让利", "3.00", "3.00"),
        ("应付补贴款", "20.00", "20.00"),
        ("应付补贴款", "7.00", "7.00"),
    ]
    (line,) = stages["结算"].tables
    assert [row[-2:] for row in line.rows] == [("27.00", "27.00")]
    (bank,) = stages["划付与银行流水"].tables
    assert [(row[0], row[2], row[3], row[-1]) for row in bank.rows] == [
        (payout.reference, "成功", f"B{payout.reference}", "27.00")
    ]
    recon = stages["收单机构对账文件"]
    assert recon.tags == ("相符",)
    assert [(row[0], row[3], *row[6:8]) for row in recon.tables[0].rows] == [
        ("zm-0306.txt", redemption.channel_trade_no, "100.00", "30.00")
    ]


def test_what_has_not_happened_yet_says_so() -> None:
    shop = shop_make()
    stages = stages_of(staff_make(Role.AUDITOR), held_make(shop))
    assert stages["结算"].pending == "尚未纳入结算批次。"
    assert stages["划付与银行流水"].pending == "尚未生成划付指令。"
    assert stages["收单机构对账文件"].pending == "尚无收单机构明细行。"
    assert stages["核销"].tags == ("占用中",)


def test_share_of_a_group_is_told_beside_the_entry() -> None:
    shop = shop_make(batches=[BatchPlan(units=10)])
    ids = [confirmed_make(shop) for _ in range(2)]
    first = RedemptionStep.objects.get(redemption=ids[0], kind="CONFIRM")
    stages = stages_of(staff_make(Role.AUDITOR), ids[0])
    confirm = stages["记账凭证"].tables[1]
    assert "合并记账 1 笔" in confirm.caption
    assert [row[4] for row in confirm.rows if row[1] == "商户让利"] == ["3.00"]
    assert sum(first.parts) == 3_000


def test_late_refund_is_a_step_with_an_entry_of_its_own() -> None:
    _, redemption_id = settled_make()
    reduced(redemption_id, 1_500, NIGHT + timedelta(days=3))
    stages = stages_of(staff_make(Role.AUDITOR), redemption_id)
    assert [row[0] for row in stages["核销"].tables[0].rows] == ["占用", "核销", "退款"]
    refund = stages["记账凭证"].tables[2]
    assert {row[0] for row in refund.rows} == {"应收商户款", "商户让利"}


def test_scope_holds() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    number = to_public("rdm", redemption_id)
    order = Redemption.objects.get().order_no
    province, nanning, liuzhou = (
        staff_make(Role.SETTLEMENT_MAKER, region=region) for region in ("450000", NANNING, LIUZHOU)
    )
    nobody = staff_make()
    for wanted in (number, order):
        assert trace_find(province, wanted) == redemption_id
        assert trace_find(nanning, wanted) == redemption_id
        assert trace_find(liuzhou, wanted) is None
        assert trace_find(nobody, wanted) is None
    assert trace_redemption(liuzhou, redemption_id) is None


def test_found_by_trade_number_and_voucher_code() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    redemption = Redemption.objects.get()
    user = staff_make(Role.AUDITOR)
    assert trace_find(user, redemption.channel_trade_no) == redemption_id
    assert trace_find(user, f" {redemption.lines.get().voucher.code} ") == redemption_id
    for nothing in ("", "  ", "no-such", "a\0b", to_public("rdm", new_id()), "x" * 500):
        assert trace_find(user, nothing) is None


def test_stations_follow_the_role() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    desk = stages_of(staff_make(Role.CAMPAIGN_MAKER), redemption_id)
    assert "核销" in desk
    stranger = staff_make(Role.ACQUIRER_OPERATOR)
    assert trace_redemption(stranger, redemption_id) is None
    own = staff_make()
    RoleGrant.objects.create(
        user=own,
        role=Role.ACQUIRER_OPERATOR,
        organisation=shop.terminal.acquirer.organisation,
        region_id="450000",
        granted_at=SINCE,
    )
    shown = stages_of(own, redemption_id)
    assert "记账凭证" not in shown
    assert "规则版本与批准" not in shown
    assert "核销" in shown


def test_page_shows_all_stations_and_no_person(client: DjangoClient) -> None:
    _, redemption_id = settled_make()
    client.force_login(staff_make(Role.AUDITOR))
    response = client.get(f"/admin/trace/{to_public('rdm', redemption_id)}/")
    text = response.content.decode()
    assert response.status_code == 200
    assert re.findall(r"<h3>\s*([^\s<]+)", text) == TITLES
    redemption = Redemption.objects.get()
    assert redemption.enrolment.external_id not in text
    assert str(redemption.enrolment_id) not in text
    assert to_public("per", redemption.enrolment_id) not in text


def test_search_leads_to_the_page(client: DjangoClient) -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    client.force_login(staff_make(Role.AUDITOR))
    assert client.get("/admin/trace/").status_code == 200
    found = client.get("/admin/trace/", {"q": Redemption.objects.get().order_no})
    assert found["Location"] == f"/admin/trace/{to_public('rdm', redemption_id)}/"
    missing = client.get("/admin/trace/", {"q": "no-such-number"})
    assert "没有找到" in missing.content.decode()


def test_page_is_for_staff_with_the_permission(client: DjangoClient) -> None:
    shop = shop_make()
    path = f"/admin/trace/{to_public('rdm', confirmed_make(shop))}/"
    assert client.get(path).status_code == 302
    client.force_login(staff_make(Role.SYSTEM_ADMIN))
    assert client.get(path).status_code == 403
    client.force_login(staff_make(Role.AUDITOR, region=LIUZHOU))
    assert client.get(path).status_code == 404
    assert client.get("/admin/trace/rdm_x/").status_code == 404


def test_queries_do_not_grow_with_refunds() -> None:
    _, redemption_id = settled_make()
    user = staff_make(Role.AUDITOR)

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            stages_of(user, redemption_id)
        return len(captured)

    count()
    before = count()
    for number in range(4):
        reduced(redemption_id, 300, NIGHT + timedelta(days=3, minutes=number))
    assert count() == before
