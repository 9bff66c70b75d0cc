"""Statement files: what is in them, that they open, that they add up."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from core import clock
from core.jobs.files import job_file_path
from core.jobs.models import Job
from core.jobs.progress import Progress
from core.models import Case, Hit
from core.tabular import Column
from redemption.models import ExceptionItem
from redemption.settlement.models import Statement
from redemption.settlement.reports.day_job import statements_request, statements_run
from redemption.settlement.reports.sheets import (
    Sheet,
    Totals,
    capitals,
    csv_sheet_chunks,
    xlsx_sheets_write,
)
from tests.factories.merchants import PROVINCE
from tests.factories.redemption import AT, Shop, confirmed_make, shop_make
from tests.redemption.settlement.factories import DAY, NIGHT, built, maker_make, paid, reduced

Kind = Statement.Kind


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, settings: object) -> None:
    settings.FILES_DIR = tmp_path  # type: ignore[attr-defined]


def written(shop: Shop) -> Job:
    """Run the statements job of the day."""
    job = statements_request(
        campaign_id=shop.live.campaign.pk, day=DAY, actor=maker_make(), now=NIGHT
    )
    statements_run(job, Progress(job.pk))
    return job


def table(statement: Statement) -> list[list[str]]:
    """Read a CSV statement without its # lines."""
    text = job_file_path(statement.file).read_bytes().decode("utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text)) if not row[0].startswith("#")]


def one(kind: str, form: str = "CSV") -> Statement:
    """Return the statement of a kind."""
    return Statement.objects.filter(kind=kind, form=form).order_by("created_at", "pk")[0]


@pytest.mark.django_db
def test_every_statement_of_a_day_is_written_and_adds_up() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    confirmed_make(shop)
    confirmed_make(shop, at=AT.replace(hour=23, minute=30))
    reduced(first, 1_500, AT)
    paid(built(shop))
    written(shop)
    kinds = Statement.objects.filter(form="CSV").values_list("kind", flat=True)
    assert sorted(kinds) == sorted(
        [
            Kind.ACQUIRER,
            Kind.REDEEMED,
            Kind.REFUNDED,
            Kind.FUNDER,
            Kind.FUNDER,
            Kind.CONCESSION,
            Kind.DAILY,
            Kind.BRIDGE,
        ]
    )
    acquirer = one(Kind.ACQUIRER)
    assert (acquirer.row_count, acquirer.totals["实付金额"]) == (1, 4_050)
    head, row = table(acquirer)
    values = dict(zip(head, row, strict=True))
    assert (values["应结金额"], values["实付金额"]) == ("40.50", "40.50")
    assert (values["划付状态"], values["明细笔数"]) == ("已付款", "3")
    funders = Statement.objects.filter(kind=Kind.FUNDER, form="CSV")
    assert sum(statement.totals["实付金额"] for statement in funders) == 4_050
    assert one(Kind.CONCESSION).totals["让利净额"] == 450
    assert one(Kind.REDEEMED).totals["补贴金额"] == 6_000
    assert one(Kind.REFUNDED).totals["补贴金额"] == 1_500
    daily = one(Kind.DAILY)
    # The natural day has the payment after the cut-off as well.
    assert daily.totals["核销金额"] == 9_000
    bridge = [row[1:] for row in table(one(Kind.BRIDGE))[1:5]]
    assert bridge == [
        ["自然日合计", "3", "300.00", "90.00"],
        ["减：日切后发生，计入次一账务日", "-1", "-100.00", "-30.00"],
        ["加：前一自然日日切后发生", "0", "0.00", "0.00"],
        ["账务日合计", "2", "200.00", "60.00"],
    ]


@pytest.mark.django_db
def test_the_daily_report_names_alarms_and_what_is_not_kept() -> None:
    shop, other = shop_make(), shop_make()
    paid_id = confirmed_make(shop)
    confirmed_make(shop)
    for rule, day in (("FM10", 0), ("FM10", 0), ("FM6", 0), ("FM7", 1)):
        hit_make(shop, rule, AT + timedelta(days=day), frozen_fen=2_700)
    hit_make(other, "FM10", AT)
    exceptions = (
        (ExceptionItem.Kind.LATE_CONFIRM, str(paid_id), 3_000),
        (ExceptionItem.Kind.LATE_CONFIRM, str(confirmed_make(other)), 3_000),
        (ExceptionItem.Kind.MISSING_FILE, f"{shop.terminal.acquirer.code}:2026-03-05", 0),
        (ExceptionItem.Kind.MISSING_FILE, f"{other.terminal.acquirer.code}:2026-03-05", 0),
    )
    for kind, subject, fen in exceptions:
        ExceptionItem.objects.create(
            kind=kind, subject_id=subject, amount_fen=fen, owner_region=PROVINCE, opened_at=AT
        )
    paid(built(shop))
    written(shop)
    daily = one(Kind.DAILY)
    lines = job_file_path(daily.file).read_bytes().decode("utf-8-sig").splitlines()
    assert (
        "#当日告警：风控命中 3 次（FM6 连刷 1、FM10 员工自刷 2），立案 3 件；"
        "异常事项 2 条（超时后到达的核销 1、对账文件缺失 1）。"
    ) in lines
    assert any(line.startswith("#拦截的领取未留存：被拒绝的请求不写入数据库") for line in lines)
    # The table itself is as before.
    assert daily.totals["核销金额"] == 6_000
    book = CalamineWorkbook.from_path(str(job_file_path(one(Kind.DAILY, "XLSX").file)))
    assert book.sheet_names == ["日报", "当日概况", "批次余额", "告警与拦截"]
    rows = [row[:5] for row in book.get_sheet_by_name("告警与拦截").to_python()]
    head = rows.index(["类别", "项目", "数量", "涉及笔数", "涉及金额"])
    assert rows[head + 1 : head + 7] == [
        ["风控命中", "FM6 连刷", 1.0, 2.0, ""],
        ["风控命中", "FM10 员工自刷", 2.0, 4.0, ""],
        ["立案", "风险核查单", 3.0, "", 81.0],
        ["异常事项", "超时后到达的核销", 1.0, "", 30.0],
        ["异常事项", "对账文件缺失", 1.0, "", 0.0],
        ["拦截的领取", "按原因", "未留存", "", ""],
    ]
    overview = {row[0]: row[1] for row in book.get_sheet_by_name("当日概况").to_python()}
    # 200.00 of orders for 40.00 of the treasury's and 60.00 of everybody's money, 2 of 2 vouchers.
    assert overview["核销率（按张数）"] == "100.00%"
    assert overview["财政撬动比"] == "1∶5.00"
    assert overview["综合撬动比"] == "1∶3.33"
    assert overview["惠及人数"] == "2 人"


@pytest.mark.django_db
def test_a_day_without_alarms_says_none() -> None:
    shop = shop_make()
    confirmed_make(shop)
    written(shop)
    text = job_file_path(one(Kind.DAILY).file).read_bytes().decode("utf-8-sig")
    assert "#当日告警：风控命中 0 次，立案 0 件；异常事项 0 条。" in text


def hit_make(shop: Shop, rule: str, at: datetime, frozen_fen: int = 0) -> Hit:
    """Return a hit of two redemptions with a case of its own."""
    subject = f"subject-{Hit.objects.count()}"
    common: dict[str, Any] = {
        "campaign_id": shop.live.campaign.pk,
        "subject_type": "STORE",
        "subject_id": subject,
    }
    case = Case.objects.create(
        **common,
        owner_region=PROVINCE,
        opened_at=at,
        due_on=(at + timedelta(days=14)).date(),
        frozen_fen=frozen_fen,
    )
    return Hit.objects.create(
        **common,
        rule=rule,
        rule_version=1,
        family="TIME",
        window_from=at - timedelta(hours=1),
        window_until=at,
        evidence={},
        fact_ids=["a", "b"],
        case=case,
        at=at,
    )


@pytest.mark.django_db
def test_a_workbook_opens_with_text_ids_and_number_amounts() -> None:
    shop = shop_make()
    confirmed_make(shop)
    paid(built(shop))
    written(shop)
    path = job_file_path(one(Kind.ACQUIRER, "XLSX").file)
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    head = next(row for row in rows if row[0] == "结算批次号")
    data = dict(zip(head, rows[rows.index(head) + 1], strict=True))
    assert data["收单商户号"] == shop.terminal.merchant_no
    assert data["实付金额"] == 27.0
    assert any("口径：账务日期 2026-03-06（日切 23:00）" in str(row[0]) for row in rows)
    assert "实付金额大写：贰拾柒元整" in [row[0] for row in rows]


@pytest.mark.django_db
def test_a_later_run_is_the_next_edition_and_the_same_job_is_not() -> None:
    shop = shop_make()
    confirmed_make(shop)
    built(shop)
    job = written(shop)
    before = Statement.objects.count()
    statements_run(job, Progress(job.pk))
    assert Statement.objects.count() == before
    written(shop)
    editions = Statement.objects.filter(kind=Kind.ACQUIRER, form="CSV").values_list(
        "edition", flat=True
    )
    assert sorted(editions) == [1, 2]


def test_text_is_never_a_formula_and_totals_are_counted() -> None:
    def sheet() -> Sheet:
        return Sheet(
            name="表",
            title="题",
            notes=["口径：测试"],
            columns=[Column("名称"), Column("金额", is_fen=True)],
            rows=iter([["=1+1", 101], ["@x", -1]]),
            capitals="金额",
        )

    totals = Totals()
    text = b"".join(csv_sheet_chunks(sheet(), totals)).decode("utf-8-sig")
    assert text.splitlines() == [
        "#题",
        "#口径：测试",
        "名称,金额",
        "'=1+1,1.01",
        "'@x,-0.01",
        "#合计,1.00",
        "#笔数：2",
        "#金额大写：壹元整",
    ]
    assert (totals.rows, totals.sums) == (2, {"金额": 100})
    first, second = io.BytesIO(), io.BytesIO()
    now = clock.wall()
    xlsx_sheets_write(first, [sheet()], now=now)
    xlsx_sheets_write(second, [sheet()], now=now)
    assert first.getvalue() == second.getvalue()
    first.seek(0)
    rows = CalamineWorkbook.from_filelike(first).get_sheet_by_index(0).to_python()
    assert rows[3][:2] == ["=1+1", 1.01]


def test_amounts_in_capitals() -> None:
    assert capitals(123_405) == "壹仟贰佰叁拾肆元零伍分"
    assert capitals(0) == "零元整"
