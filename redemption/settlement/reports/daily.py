"""日报: a campaign's natural day, by batch, channel, industry and district (domain-rules §11)."""

from collections.abc import Sequence
from datetime import date, datetime

from campaigns.models import Campaign
from core.tabular import Column
from merchants.models import Merchant
from redemption.settlement.metrics import campaign_metrics
from redemption.settlement.reports import queries
from redemption.settlement.reports.alarms import DayAlarms, alarms_of_day
from redemption.settlement.reports.campaign import Figure, figures_in_words
from redemption.settlement.reports.reading import day_window, rows_of, stamp
from redemption.settlement.reports.sheets import Sheet

OVERVIEW = (
    "rate_by_count",
    "rate_by_amount",
    "leverage_government",
    "leverage_all",
    "leverage_issued",
    "persons",
    "person_times",
    "claimants",
    "merchants_active",
    "stores_active",
)
"""Figures of the whole day that no row of the table can give: ratios, and people counted once."""


def daily_sheets(campaign: Campaign, day: date, now: datetime) -> list[Sheet]:
    """Return the sheets of a day; of CSV only the first, whose notes also name the alarms."""
    alarms = alarms_of_day(campaign.pk, day)
    return [
        _daily(campaign, day, now, alarms),
        _overview(campaign, day, now),
        _daily_batches(campaign, day, now),
        _alarms(campaign, day, now, alarms),
    ]


def _daily(campaign: Campaign, day: date, now: datetime, alarms: DayAlarms) -> Sheet:
    names = dict(Merchant.Industry.choices)
    return Sheet(
        name="日报",
        title=f"{campaign.title}　日报",
        notes=[
            f"口径：自然日 {day} 0 时至 24 时，按事件发生时间；核销为当日确认的全部核销，"
            "撤销与退款另列；领取不分行业与地区。",
            *alarms.notes(),
            stamp(now),
        ],
        columns=[
            Column("日期", width=12),
            Column("券批次", width=16),
            Column("渠道", width=16),
            Column("行业", width=10),
            Column("区县", width=14),
            Column("领取张数", width=10),
            Column("领取金额", is_fen=True),
            Column("领取人数", width=10),
            Column("核销张数", width=10),
            Column("核销金额", is_fen=True),
            Column("订单金额", is_fen=True),
            Column("顾客实付", is_fen=True),
            Column("财政补贴", is_fen=True),
            Column("银行补贴", is_fen=True),
            Column("商户及其他", is_fen=True),
            Column("撤销笔数", width=10),
            Column("撤销补贴", is_fen=True),
            Column("退款笔数", width=10),
            Column("退款补贴", is_fen=True),
            Column("有核销商户", width=10),
            Column("有核销门店", width=10),
        ],
        rows=(
            [day, batch, channel, str(names.get(industry, "")), district or "", *rest]
            for batch, channel, industry, district, *rest in rows_of(
                queries.DAILY, day_window(campaign.pk, day)
            )
        ),
        summed=frozenset({"领取张数", "核销张数", "撤销笔数", "退款笔数"}),
        capitals="核销金额",
    )


def _daily_batches(campaign: Campaign, day: date, now: datetime) -> Sheet:
    return Sheet(
        name="批次余额",
        title=f"{campaign.title}　批次余额",
        notes=[f"口径：自然日 {day} 的投放与过期；待核销与剩余额度为制表时余额。", stamp(now)],
        columns=[
            Column("券批次", width=20),
            Column("投放张数", width=10),
            Column("投放金额", is_fen=True),
            Column("过期张数", width=10),
            Column("过期金额", is_fen=True),
            Column("待核销金额", is_fen=True),
            Column("剩余额度", is_fen=True),
        ],
        rows=rows_of(queries.DAILY_BATCHES, day_window(campaign.pk, day)),
        summed=frozenset({"投放张数", "过期张数"}),
    )


def _overview(campaign: Campaign, day: date, now: datetime) -> Sheet:
    window = day_window(campaign.pk, day)
    metrics = campaign_metrics(
        campaign_id=campaign.pk, since=window["since"], until=window["until"]
    )
    figures: Sequence[Figure] = figures_in_words(metrics)
    return Sheet(
        name="当日概况",
        title=f"{campaign.title}　当日概况",
        notes=[
            f"口径：自然日 {day} 0 时至 24 时；核销率为当日核销 ÷ 当日领取，撬动比按当日净额。",
            stamp(now),
        ],
        columns=[Column("指标", width=22), Column("数值", width=16), Column("口径", width=80)],
        rows=[
            [one.metric.name, one.value, one.metric.definition]
            for one in figures
            if one.metric.key in OVERVIEW
        ],
        has_totals=False,
    )


def _alarms(campaign: Campaign, day: date, now: datetime, alarms: DayAlarms) -> Sheet:
    return Sheet(
        name="告警与拦截",
        title=f"{campaign.title}　告警与拦截",
        notes=[
            f"口径：自然日 {day} 发现的风控命中、立案和异常事项，按发现时间；"
            "冻结金额为制表时余额。",
            stamp(now),
        ],
        columns=[
            Column("类别", width=14),
            Column("项目", width=26),
            Column("数量", width=10),
            Column("涉及笔数", width=10),
            Column("涉及金额", is_fen=True),
            Column("说明", width=60),
        ],
        rows=alarms.rows(),
        has_totals=False,
    )
