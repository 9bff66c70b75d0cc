"""活动战报: the director's sheet of a campaign, one printable page and a workbook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.template.loader import render_to_string

from campaigns.models import Campaign
from core.clock import TIME_ZONE
from core.tabular import Column
from redemption.settlement.metrics import (
    Breakdown,
    CampaignMetrics,
    FundingProgress,
    campaign_breakdown,
    campaign_metrics,
    funding_progress,
    leverage_warning,
)
from redemption.settlement.reports.dictionary import BY_KEY, METRICS, Metric
from redemption.settlement.reports.published import (
    CENT,
    published_outcome,
    published_words,
    report_notes,
    wan,
)
from redemption.settlement.reports.sheets import Sheet

RANKED = "城市排名"
DIMENSIONS = (
    ("tier", "分档次"),
    ("industry", "分行业"),
    ("city", RANKED),
    ("acquirer", "分收单机构"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure on the page: its definition, our value in words, the published one beside it."""

    metric: Metric
    value: str
    reference: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """Everything the page and the workbook show."""

    campaign: Campaign
    as_of: datetime
    author: str
    metrics: CampaignMetrics
    figures: tuple[Figure, ...]
    tables: tuple[tuple[str, tuple[Breakdown, ...]], ...]
    progress: tuple[FundingProgress, ...]
    reference_label: str
    notes: tuple[str, ...]

    @property
    def note(self) -> str:
        """The 口径 that is printed on every form of the report."""
        return (
            "口径：活动开始至截至时间，按事件发生时间；核销减撤销，直接带动额减撤销与退款；"
            "分项金额均为净额，各表按直接带动额从高到低排列。各项定义见口径说明。"
        )


def campaign_report(
    *, campaign: Campaign, as_of: datetime, author: str = "", scale: int | None = None
) -> CampaignReport:
    """Gather a report of everything before ``as_of``.

    With ``scale`` the published figures of the campaign's record, divided by it, stand beside ours.
    """
    metrics = campaign_metrics(campaign_id=campaign.pk, until=as_of)
    outcome = published_outcome(campaign) if scale else {}
    reference = published_words(outcome, scale) if scale else {}
    label = f"公开数据÷{scale}" if reference else ""
    return CampaignReport(
        campaign=campaign,
        as_of=as_of,
        author=author,
        metrics=metrics,
        figures=tuple(figures_in_words(metrics, reference)),
        tables=tuple(
            (
                title,
                tuple(
                    campaign_breakdown(campaign_id=campaign.pk, dimension=dimension, until=as_of)
                ),
            )
            for dimension, title in DIMENSIONS
        ),
        progress=tuple(funding_progress(campaign_id=campaign.pk)),
        reference_label=label,
        notes=tuple(report_notes(outcome, scale)),
    )


def report_html(report: CampaignReport) -> str:
    """Return the page: one A4 sheet when printed, the definitions below on screen."""
    tables = [
        (
            title,
            title == RANKED,
            [
                (rank, row, wan(row.order_net_fen), wan(row.subsidy_net_fen))
                for rank, row in ranked(rows)
            ],
        )
        for title, rows in report.tables
    ]
    return render_to_string(
        "redemption/campaign_report.html",
        {
            "report": report,
            "as_of": report.as_of.astimezone(TIME_ZONE),
            "columns": [tables[::2], tables[1::2]],
            "funders": [
                (share.name, wan(share.gross_fen), wan(share.returned_fen), wan(share.net_fen))
                for share in report.metrics.funders
            ],
            "progress": [
                (
                    one.name,
                    [
                        wan(fen)
                        for fen in (
                            one.quota_fen,
                            one.received_fen,
                            one.advanced_fen,
                            one.settled_fen,
                            one.pending_fen,
                            one.frozen_fen,
                            one.left_fen,
                        )
                    ],
                )
                for one in report.progress
            ],
            "progress_heads": [BY_KEY[key] for key in _PROGRESS],
            "definitions": METRICS,
        },
    )


def report_sheets(report: CampaignReport) -> list[Sheet]:
    """Return the workbook's sheets; amounts in yuan."""
    title = f"{report.campaign.title}　活动战报"
    stamp = f"截至 {report.as_of.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"
    head = [report.note, f"{stamp}　制表：{report.author or '系统'}　审核："]
    yuan = [*head, "单位：元"]
    notes = [*head, *(f"注 {number}：{text}" for number, text in enumerate(report.notes, 1))]
    overview = Sheet(
        name="总览",
        title=title,
        notes=notes,
        columns=[
            Column("指标", width=22),
            Column("数值", width=28),
            Column(report.reference_label or "公开数据", width=24),
            Column("口径", width=80),
        ],
        rows=[
            [one.metric.name, one.value, one.reference, one.metric.definition]
            for one in report.figures
        ],
        has_totals=False,
    )
    tables = [
        Sheet(
            name=name,
            title=f"{title}　{name}",
            notes=yuan,
            columns=[
                *([Column("名次", width=6)] if name == RANKED else []),
                Column("名称", width=24),
                Column("核销笔数", width=10),
                Column("核销张数", width=10),
                Column("直接带动额", is_fen=True),
                Column("补贴净额", is_fen=True),
            ],
            rows=[
                [
                    *([rank] if name == RANKED else []),
                    row.label,
                    row.payments,
                    row.vouchers,
                    row.order_net_fen,
                    row.subsidy_net_fen,
                ]
                for rank, row in ranked(rows)
            ],
            summed=frozenset({"核销笔数", "核销张数"}),
        )
        for name, rows in report.tables
    ]
    return [overview, *tables, _funder_sheet(report, title, yuan), _progress(report, title, yuan)]


def ranked(rows: Sequence[Breakdown]) -> list[tuple[int, Breakdown]]:
    """Return each row with its place by 直接带动额; equal amounts share a place."""
    amounts = sorted((row.order_net_fen for row in rows), reverse=True)
    return [(amounts.index(row.order_net_fen) + 1, row) for row in rows]


_PROGRESS = ("quota", "received", "advanced", "settled", "pending", "frozen", "left")


def _funder_sheet(report: CampaignReport, title: str, notes: list[str]) -> Sheet:
    return Sheet(
        name="分出资方",
        title=f"{title}　分出资方",
        notes=notes,
        columns=[
            Column("出资方", width=24),
            Column("核销补贴", is_fen=True),
            Column("撤销退款冲回", is_fen=True),
            Column("补贴净额", is_fen=True),
        ],
        rows=[
            [one.name, one.gross_fen, one.returned_fen, one.net_fen]
            for one in report.metrics.funders
        ],
    )


def _progress(report: CampaignReport, title: str, notes: list[str]) -> Sheet:
    return Sheet(
        name="资金进度",
        title=f"{title}　资金进度",
        notes=notes,
        columns=[
            Column("出资方", width=24),
            *[Column(BY_KEY[key].name, is_fen=True) for key in _PROGRESS],
        ],
        rows=[
            [one.name, *[getattr(one, f"{key}_fen") for key in _PROGRESS]]
            for one in report.progress
        ],
    )


def figures_in_words(
    metrics: CampaignMetrics, reference: Mapping[str, str] | None = None
) -> list[Figure]:
    """Return every figure as the page says it, with the published one beside it where given."""
    beside = reference or {}
    values: dict[str, str] = {
        "released": _units(metrics.released_units, metrics.released_fen),
        "claimed": _units(metrics.claimed_units, metrics.claimed_fen),
        "redeemed": _units(metrics.redeemed_units, metrics.redeemed_fen),
        "rate_by_count": percent_text(metrics.rate_by_count),
        "rate_by_amount": percent_text(metrics.rate_by_amount),
        "order_net": f"{wan(metrics.order_net_fen)} 万元",
        "leverage_government": times_text(metrics.leverage_government),
        "leverage_all": times_text(metrics.leverage_all),
        "leverage_issued": times_text(metrics.leverage_issued),
        "persons": f"{metrics.persons:,} 人",
        "person_times": f"{metrics.person_times:,} 人次",
        "claimants": f"{metrics.claimants:,} 人",
        "merchants_active": f"{metrics.merchants_active:,} 户",
        "stores_active": f"{metrics.stores_active:,} 家",
        "cancels": f"{metrics.cancels:,} 笔　{wan(metrics.cancelled_fen)} 万元",
        "refunds": f"{metrics.refunds:,} 笔　{wan(metrics.refunded_fen)} 万元",
        "expired": _units(metrics.expired_units, metrics.expired_fen),
    }
    warned = {"leverage_all": leverage_warning(metrics.leverage_all)}
    return [
        Figure(BY_KEY[key], value, beside.get(key, ""), warned.get(key, False))
        for key, value in values.items()
    ]


def _units(units: int, fen: int) -> str:
    return f"{units:,} 张　{wan(fen)} 万元"


def percent_text(value: Fraction | None) -> str:
    """Write a ratio in per cent, rounded half up; a dash without a basis."""
    return "—" if value is None else f"{_decimal(value * 100)}%"


def times_text(value: Fraction | None) -> str:
    """Write a leverage, rounded half up; a dash without a basis."""
    return "—" if value is None else f"1∶{_decimal(value)}"


def _decimal(value: Fraction) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(CENT, ROUND_HALF_UP)
