"""活动战报: figures in words, one page, a workbook, definitions for everything."""

from datetime import timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from core.jobs.files import job_file_path
from core.jobs.progress import Progress
from redemption.settlement.models import Statement
from redemption.settlement.reports import campaign as campaign_module
from redemption.settlement.reports.campaign import campaign_report, report_html, wan
from redemption.settlement.reports.campaign_job import (
    campaign_report_request,
    campaign_report_run,
)
from redemption.settlement.reports.dictionary import METRICS
from tests.factories.redemption import AT, confirmed_make, shop_make
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
    monkeypatch.setattr(campaign_module, "published_records", lambda: {"r": {"outcome": OUTCOME}})
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
    assert words["rate_by_count"] == ("100.00%", "61.1%")
    assert words["order_net"] == ("0.02 万元", "80.00 万元以上")
    assert words["leverage_government"] == ("1∶5.00", "")
    assert words["person_times"] == ("2 人次", "5,700 以上")
    page = report_html(report)
    assert "公开数据÷1000：约 11,000 张" in page
    assert "制表：张三" in page
    for metric in METRICS:
        assert f'id="{metric.key}"' in page


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
    assert campaign_report_run(job, Progress(job.pk)) == {"files": 2}
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
