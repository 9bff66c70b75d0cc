"""The settlement pages as staff use them."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.urls import reverse

from core import clock
from core.access.models import Organisation, Role, RoleGrant
from core.approvals.models import Approval
from core.approvals.services import approval_decide
from core.jobs.progress import Progress
from core.models import AuditEvent
from redemption.admin.settlement.statements import COUNTS
from redemption.models import ExceptionItem
from redemption.settlement.models import (
    BankLine,
    Discrepancy,
    FrozenFact,
    MerchantRepayment,
    Payout,
    ReconDay,
    ReconFile,
    ReconRow,
    SettlementBatch,
    SettlementItem,
    SettlementLine,
    Statement,
)
from redemption.settlement.recon.ours import trades_of
from redemption.settlement.recon.zm import zm_write
from redemption.settlement.reports.day_job import statements_request, statements_run
from tests.factories.merchants import (
    LIUZHOU,
    NANNING,
    PROVINCE,
    acquirer_make,
    organisation_make,
    region_make,
)
from tests.factories.redemption import AT, Shop, confirmed_make, shop_make
from tests.factories.staff import staff_make
from tests.redemption.settlement.factories import DAY, NIGHT, built, maker_make, paid, reduced
from tests.support.admin import Staff, said

pytestmark = pytest.mark.django_db
MODELS: tuple[type[Model], ...] = (
    SettlementBatch,
    SettlementLine,
    SettlementItem,
    Payout,
    BankLine,
    FrozenFact,
    MerchantRepayment,
    ReconDay,
    ReconFile,
    ReconRow,
    Discrepancy,
    ExceptionItem,
    Statement,
)


@pytest.fixture(autouse=True)
def _settled(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FILES_DIR = tmp_path  # type: ignore[attr-defined]
    monkeypatch.setattr(clock, "now", lambda: NIGHT + timedelta(days=2, hours=9))


def files_of(shop: Shop) -> None:
    """Write the day's statements."""
    job = statements_request(
        campaign_id=shop.live.campaign.pk, day=DAY, actor=maker_make(), now=NIGHT
    )
    statements_run(job, Progress(job.pk))


def zm_upload(shop: Shop, *, empty: bool = False) -> SimpleUploadedFile:
    """Return the acquirer's file of the day."""
    acquirer = shop.terminal.acquirer
    trades = [] if empty else trades_of(acquirer_id=acquirer.pk, day=DAY)
    content = b"".join(zm_write(acquirer_code=acquirer.code, day=DAY, trades=trades))
    return SimpleUploadedFile("zm.txt", content)


def test_a_batch_goes_from_built_to_paid_by_its_pages() -> None:
    shop = shop_make()
    confirmed_make(shop)
    maker = Staff.of(Role.SETTLEMENT_MAKER)
    url = reverse("admin:redemption_settlementbatch_build")
    answer = maker.client.post(
        url,
        {
            "campaign": str(shop.live.campaign.pk),
            "acquirer": str(shop.terminal.acquirer_id),
            "day": "2026-03-06",
        },
    )
    batch = SettlementBatch.objects.get()
    assert (answer.status_code, said(answer)) == (302, [f"已生成：{batch.code}"])
    assert maker.act(batch, "verify", reason="") == "核对相符"
    assert maker.act(batch, "submit", reason="") == "已提交复核"
    assert "正在审批" in maker.act(batch, "reject", reason="x")
    approval_decide(
        approval_id=Approval.objects.get(state="PENDING").pk,
        checker=staff_make(Role.SETTLEMENT_CHECKER),
        agree=True,
        now=clock.now(),
    )
    assert maker.act(batch, "send", reason="") == "已标记发送"
    payout = Payout.objects.get()
    fields = {"outcome": "PAID", "bank_ref": "B1", "value_date": "2026-03-09", "reason": ""}
    assert maker.act(payout, "record", **fields) == "已登记"
    batch.refresh_from_db()
    assert batch.state == "PAID"
    assert "27.00" in maker.html(maker.page_url(batch))


def test_a_bank_file_is_imported_or_its_fault_is_shown() -> None:
    shop = shop_make()
    confirmed_make(shop)
    maker = Staff.of(Role.SETTLEMENT_MAKER)
    url = reverse("admin:redemption_payout_import_results")
    text = "划付流水号,结果,金额,银行流水号,日期,原因\nPO1,成功,1.00,B1,2026-03-09,\n合计,1,2.00\n"
    answer = maker.client.post(url, {"file": SimpleUploadedFile("bank.csv", text.encode())})
    assert answer.status_code == 200
    assert "控制合计与明细不符" in answer.content.decode()


def test_differences_are_owned_explained_and_the_day_is_closed() -> None:
    shop = shop_make()
    confirmed_make(shop)
    maker = Staff.of(Role.SETTLEMENT_MAKER)
    url = reverse("admin:redemption_reconfile_import_file")
    data = {"acquirer": str(shop.terminal.acquirer_id), "file": zm_upload(shop, empty=True)}
    answer = maker.client.post(url, data)
    assert said(answer) == ["已导入 0 笔并完成比对"]
    one, day = Discrepancy.objects.get(), ReconDay.objects.get()
    assert "未查明 1 条" in maker.act(day, "close", reason="")
    assert maker.act(one, "assign", owner=str(maker.user.pk)) == "已指定"
    assert maker.act(one, "explain", resolution="机构补报", evidence="函1号") == "已登记"
    assert maker.act(day, "close", reason="") == "已平账"
    one.refresh_from_db()
    assert (one.owner, one.state, one.evidence) == (maker.user, "EXPLAINED", "函1号")


def test_an_exception_is_assigned_and_resolved() -> None:
    item = ExceptionItem.objects.create(
        kind=ExceptionItem.Kind.MISSING_FILE,
        subject_id="a:2026-03-06",
        owner_region="450000",
        opened_at=NIGHT,
    )
    maker = Staff.of(Role.SETTLEMENT_MAKER)
    assert maker.act(item, "assign", owner=str(maker.user.pk)) == "已指定"
    assert maker.act(item, "resolve", resolution="已催报") == "已办结"
    item.refresh_from_db()
    assert (item.state, item.resolution, item.owner) == ("RESOLVED", "已催报", maker.user)


def test_every_list_and_page_opens_and_other_regions_see_nothing() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    paid(built(shop))
    reduced(first, 1_500, NIGHT)
    maker = Staff.of(Role.SETTLEMENT_MAKER)
    data = {"acquirer": str(shop.terminal.acquirer_id), "file": zm_upload(shop, empty=True)}
    maker.client.post(reverse("admin:redemption_reconfile_import_file"), data)
    files_of(shop)
    other = Staff.of(Role.SETTLEMENT_MAKER, region=LIUZHOU)
    for model in MODELS:
        maker.html(maker.list_url(model))
        row = model._default_manager.first()
        if row is not None:
            maker.html(maker.page_url(row))
            assert other.get(other.page_url(row)).status_code == 404, model
            assert other.page_url(row) not in other.html(other.list_url(model))


def test_control_totals_are_read_in_yuan_and_pieces() -> None:
    shop = shop_make()
    confirmed_make(shop)
    built(shop)
    files_of(shop)
    maker = Staff.of(Role.SETTLEMENT_MAKER)
    mine = Statement.objects.get(kind="ACQUIRER", form="CSV")
    assert lines_of(maker.html(maker.page_url(mine))) >= {
        ("应结金额", "27.00 元"),
        ("实付金额", "27.00 元"),
        ("明细笔数", "1"),
    }
    data = {"acquirer": str(shop.terminal.acquirer_id), "file": zm_upload(shop)}
    maker.client.post(reverse("admin:redemption_reconfile_import_file"), data)
    assert lines_of(maker.html(maker.page_url(ReconFile.objects.get()))) == {
        ("笔数", "1"),
        ("交易金额（元）", "100.00"),
        ("优惠金额（元）", "30.00"),
        ("退货与撤销交易金额（元）", "0.00"),
        ("退货与撤销优惠金额（元）", "0.00"),
        ("手续费（元）", "0.00"),
    }
    titles = {title for one in Statement.objects.all() for title in one.totals}
    assert all(title.endswith(COUNTS) for title in titles if title.endswith("数"))


def lines_of(text: str) -> set[tuple[str, str]]:
    """Return what the labelled lines of a page say."""
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", text, re.DOTALL)
    return {(label, " ".join(said_.split())) for label, said_ in found}


def test_a_statement_is_downloaded_by_those_it_concerns_and_recorded() -> None:
    shop = shop_make()
    confirmed_make(shop)
    built(shop)
    files_of(shop)
    acquirer = shop.terminal.acquirer
    operator = operator_make(acquirer.organisation)
    own = Statement.objects.get(kind="ACQUIRER", form="CSV")
    url = reverse("admin:redemption_statement_download", args=(own.pk,))
    answer = operator.client.get(url)
    content = getattr(answer, "streaming_content")  # noqa: B009 - not in the stubs
    assert b"".join(content).startswith(b"\xef\xbb\xbf#")
    assert AuditEvent.objects.get(action="statement.download").actor == operator.user
    funder = Statement.objects.filter(kind="FUNDER").first()
    assert funder is not None
    url = reverse("admin:redemption_statement_download", args=(funder.pk,))
    assert operator.client.get(url).status_code == 404
    stranger = operator_make(organisation_make(Organisation.Kind.ACQUIRER))
    url = reverse("admin:redemption_statement_download", args=(own.pk,))
    assert stranger.client.get(url).status_code == 404


def test_reports_are_queued_from_the_list() -> None:
    shop = shop_make()
    confirmed_make(shop, at=AT)
    maker = Staff.of(Role.SETTLEMENT_MAKER)
    campaign = {"campaign": str(shop.live.campaign.pk)}
    for name, data in (("make", {"day": "2026-03-06"}), ("report", {"scale": "1000"})):
        url = reverse(f"admin:redemption_statement_{name}")
        assert maker.client.get(url).status_code == 200
        answer = maker.client.post(url, {**campaign, **data})
        assert said(answer) == ["已提交，生成后列在本页"]


BUTTONS = (
    (SettlementBatch, "redemption_settlementbatch_build", "生成"),
    (Payout, "redemption_payout_import_results", "导入银行结果"),
    (ReconFile, "redemption_reconfile_import_file", "导入对账文件"),
    (Statement, "redemption_statement_make", "生成结算单"),
    (Statement, "redemption_statement_report", "生成活动战报"),
)


def test_buttons_above_lists_stand_only_where_something_may_be_done() -> None:
    shop = shop_make()
    confirmed_make(shop)
    paid(built(shop))
    region, city = (Staff.of(Role.SETTLEMENT_MAKER, region=code) for code in (PROVINCE, NANNING))
    for model, name, words in BUTTONS:
        url = reverse(f"admin:{name}")
        assert f'href="{url}"' in region.html(region.list_url(model)), words
        assert region.get(url).status_code == 200
        # The city reads what concerns its stores; acting on the region's campaign is not its own.
        assert f'href="{url}"' not in city.html(city.list_url(model)), words
        assert city.get(url).status_code == 403
        assert city.client.post(url, {}).status_code == 403
    payout = Payout.objects.get()
    assert payout.reference in city.html(city.list_url(Payout))
    add = city.add_url(MerchantRepayment)
    assert region.get(region.add_url(MerchantRepayment)).status_code == 200
    assert city.get(add).status_code == 403
    assert add not in city.html(city.list_url(MerchantRepayment))


def test_a_city_with_a_campaign_of_its_own_is_offered_that_alone() -> None:
    upper, own = shop_make(), shop_make(region=NANNING)
    city = Staff.of(Role.SETTLEMENT_MAKER, region=NANNING)
    for name in ("redemption_settlementbatch_build", "redemption_statement_report"):
        page = city.html(reverse(f"admin:{name}"))
        assert own.live.campaign.title in page
        assert upper.live.campaign.title not in page
    page = city.html(city.add_url(MerchantRepayment))
    assert own.live.campaign.title in page
    assert upper.live.campaign.title not in page
    # The province's acquirer serves the city's campaign; its files are imported by the province.
    province = acquirer_make(region=PROVINCE, name="自治区收单机构")
    near = acquirer_make(region=NANNING, name="南宁收单机构")
    page = city.html(reverse("admin:redemption_reconfile_import_file"))
    assert near.name in page
    assert province.name not in page
    assert province.name in city.html(reverse("admin:redemption_settlementbatch_build"))


def operator_make(organisation: Organisation) -> Staff:
    """Return a 收单机构操作员 of an acquirer."""
    user = staff_make(Role.ACQUIRER_OPERATOR)
    RoleGrant.objects.filter(user=user).update(revoked_at=datetime.now(clock.TIME_ZONE))
    user.organisation = organisation
    user.save(update_fields=["organisation"])
    RoleGrant.objects.create(
        user=user,
        role=Role.ACQUIRER_OPERATOR,
        organisation=organisation,
        region=region_make(),
        granted_at=NIGHT,
    )
    return Staff.login(user)
