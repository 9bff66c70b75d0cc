"""活动战报: figures in words, one page, a workbook, definitions for everything."""

from datetime import timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from core.jobs.files import job_file_path
from core.jobs.progress import Progress
from redemption.settlement.metrics import Breakdown
from redemption.settlement.models import Statement
from redemption.settlement.reports import published
from redemption.settlement.reports.campaign import (
    campaign_report,
    ranked,
    report_html,
    report_sheets,
)
from redemption.settlement.reports.campaign_job import (
    campaign_report_request,
    campaign_report_run,
)
from redemption.settlement.reports.dictionary import METRICS
from redemption.settlement.reports.published import wan
from tests.factories.campaigns import campaign_live
from tests.factories.merchants import LIUZHOU, acquirer_client, store_make, terminal_make
from tests.factories.redemption import AT, Shop, confirmed_make, shop_make
from tests.redemption.settlement.factories import maker_make, reduced

ROOT = Path(__file__).resolve().parents[3]
SOON = AT + timedelta(hours=1)
OUTCOME = {
    "coupons_issued_approx": 18_000_000,
    "coupons_redeemed_approx": 11_000_000,
    "derived_redemption_rate_count": 0.611,
    "persons_at_least": 5_700_000,
    "direct_sales_yuan_at_least": 800_000_000,
}


@pytest.mark.django_db
def test_figures_stand_beside_the_published_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "published_records", lambda: {"r": {"outcome": OUTCOME}})
    shop = shop_make()
    first = confirmed_make(shop)
    confirmed_make(shop)
    reduced(first, 1_500, AT)
    campaign = shop.live.campaign
    assert campaign.version is not None
    campaign.version.document["records"] = ["r"]
    report = campaign_report(campaign=campaign, as_of=SOON, author="张三", scale=1_000)
    words = {figure.metric.key: (figure.value, figure.reference) for figure in report.figures}
    assert words["claimed"] == ("2 张　0.01 万元", "约 18,000 张")
    assert words["redeemed"] == ("2 张　0.01 万元", "约 11,000 张")
    assert words["rate_by_count"] == ("100.00%", "61.1%（比率不缩小）")
    assert words["order_net"] == ("0.02 万元", "80.00 万元以上")
    assert words["leverage_government"] == ("1∶5.00", "")
    # Person-times beside person-times; distinct people were never published.
    assert words["person_times"] == ("2 人次", "5,700 人次以上（注 2）")
    assert words["persons"] == ("2 人", "未公布去重人数（注 2）")
    page = report_html(report)
    assert "公开数据÷1000：约 11,000 张" in page
    assert "制表：张三" in page
    assert "注 1：以万元为单位的金额由分换算，四舍五入到小数点后两位" in page
    assert "分项之和与合计可能有出入" in page
    assert "注 2：惠及人次按有效核销支付笔数计，一人核销几笔计几次；惠及人数按实名证件去重" in page
    assert "公开报道的人次未说明计法，也未公布去重人数" in page
    assert "注 3：公开数据为公开报道的数字除以 1000" in page
    for metric in METRICS:
        assert f'id="{metric.key}"' in page


@pytest.mark.django_db
def test_a_report_without_published_figures_says_nothing_of_them() -> None:
    shop = shop_make()
    confirmed_make(shop)
    page = report_html(campaign_report(campaign=shop.live.campaign, as_of=SOON))
    assert "注 2：" in page
    assert "公开" not in page


@pytest.mark.django_db
def test_cities_are_ranked_by_direct_sales_and_say_so() -> None:
    # 柳州 gives out more subsidy (2 × 30.00) for less trade than 南宁 (30.00 for 500.00).
    near, far = terminal_make(store_make()), terminal_make(store_make(region=LIUZHOU))
    live = campaign_live(stores=[near.store, far.store])
    nanning = Shop(live, near, acquirer_client(near.acquirer))
    liuzhou = Shop(live, far, acquirer_client(far.acquirer))
    confirmed_make(nanning, order_fen=50_000)
    for _payment in range(2):
        confirmed_make(liuzhou)
    report = campaign_report(campaign=live.campaign, as_of=SOON)
    cities = dict(report.tables)["城市排名"]
    assert [(row.label, row.order_net_fen, row.subsidy_net_fen) for row in cities] == [
        ("南宁市", 50_000, 3_000),
        ("柳州市", 20_000, 6_000),
    ]
    page = " ".join(report_html(report).split())
    assert "<h2> 城市排名 （按直接带动额） </h2>" in page
    assert '<td>1</td> <td class="name">南宁市</td> <td>1</td> <td>0.05</td>' in page
    assert '<td>2</td> <td class="name">柳州市</td> <td>2</td> <td>0.02</td>' in page
    (sheet,) = [one for one in report_sheets(report) if one.name == "城市排名"]
    assert [column.title for column in sheet.columns][:2] == ["名次", "名称"]
    assert [row[:2] for row in sheet.rows] == [[1, "南宁市"], [2, "柳州市"]]


def test_equal_sales_share_a_place() -> None:
    rows = [Breakdown(name, name, 1, 1, fen, 0) for name, fen in (("a", 9), ("b", 5), ("c", 5))]
    assert [place for place, _row in ranked([*rows, Breakdown("d", "d", 1, 1, 1, 0)])] == [
        1,
        2,
        2,
        4,
    ]


@pytest.mark.django_db
def test_both_files_are_written_and_titles_are_escaped(tmp_path: Path, settings: object) -> None:
    settings.FILES_DIR = tmp_path  # type: ignore[attr-defined]
    shop = shop_make()
    confirmed_make(shop)
    shop.live.campaign.title = "<b>活动</b>"
    shop.live.campaign.save(update_fields=["title"])
    job = campaign_report_request(
        campaign_id=shop.live.campaign.pk, as_of=SOON, actor=maker_make(), now=SOON
    )
    progress = Progress(job.pk)
    assert campaign_report_run(job, progress) == {"files": 2}
    assert progress.message == "已生成 2 个文件"
    page, book = Statement.objects.filter(kind=Statement.Kind.CAMPAIGN).order_by("form")
    text = job_file_path(page.file).read_text()
    assert "&lt;b&gt;活动&lt;/b&gt;" in text
    assert "<b>活动" not in text
    sheets = CalamineWorkbook.from_path(str(job_file_path(book.file))).sheet_names
    assert sheets == ["总览", "分档次", "分行业", "城市排名", "分收单机构", "分出资方", "资金进度"]


def test_amounts_in_wan_are_rounded_half_up() -> None:
    assert [wan(fen) for fen in (0, 4_999, 5_000, 10_000_000, -5_000)] == [
        "0.00",
        "0.00",
        "0.01",
        "10.00",
        "-0.01",
    ]


def test_the_dictionary_is_published() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    for metric in METRICS:
        assert f"| `{metric.key}` | {metric.name} | {metric.definition} |" in text
