"""The printed table of a rehearsal: our figures beside the published ones divided by the scale."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from core.money import yuan_text
from redemption.settlement.models import Discrepancy

WIDTH = 100
# 《金卡生活》2023-03-01; every figure with its 口径 in campaigns/data/published_campaigns.json.
PUBLISHED = {"claimed": 18_000_000, "redeemed": 11_000_000, "person_times": 5_700_000}
PUBLISHED_FEN = {"claimed_fen": 10_000_000_000, "order_fen": 80_000_000_000}


def table_text(figures: Mapping[str, Any]) -> str:
    """Return the table as text for a terminal or a file."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(_main(figures))
    console.print(_money(figures))
    for dimension, title in (("tier", "券种"), ("city", "城市"), ("acquirer", "收单机构")):
        console.print(_breakdown(title, figures[f"per_{dimension}"]))
    console.print(_checks(figures))
    stream = console.file
    return stream.getvalue() if isinstance(stream, io.StringIO) else ""


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", expand=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _fill(table: Table, rows: Iterable[tuple[object, ...]]) -> Table:
    for row in rows:
        table.add_row(*map(str, row))
    return table


def _main(figures: Mapping[str, Any]) -> Table:
    scale = figures["scale"]

    def count(name: str, title: str) -> tuple[str, str, str]:
        published = f"{PUBLISHED[name] // scale:,}" if name in PUBLISHED else ""
        return title, f"{figures[name]:,}", published

    def yuan(name: str, title: str) -> tuple[str, str, str]:
        published = yuan_text(PUBLISHED_FEN[name] // scale) if name in PUBLISHED_FEN else ""
        return title, yuan_text(figures[name]), published

    table = _table(f"活动合计（1:{scale}，金额：元）", "指标", "本次", "2022年公开数据÷比例")
    table.caption = "本次人次为有效核销笔数；公开的人次未说明计法，去重人数未公布"
    return _fill(
        table,
        (
            count("released", "投放张数"),
            count("claimed", "领取张数"),
            yuan("claimed_fen", "领取金额"),
            count("redeemed", "核销张数（净撤销）"),
            yuan("redeemed_fen", "核销金额（净撤销）"),
            ("核销率（按张数）", figures["rate_by_count"], "0.6111"),
            ("核销率（按金额）", figures["rate_by_amount"], ""),
            count("refunded", "退款笔数"),
            yuan("refunded_fen", "退款补贴"),
            count("cancelled", "撤销笔数"),
            count("expired", "过期张数"),
            count("persons", "惠及人数（去重）"),
            count("person_times", "惠及人次"),
            count("stores_active", "有核销门店"),
            yuan("order_fen", "订单金额"),
            yuan("order_net_fen", "直接带动额（净退款）"),
            *((name, value, "") for name, value in figures["leverage"].items()),
        ),
    )


def _money(figures: Mapping[str, Any]) -> Table:
    table = _table("资金进度（元）", "出资方", "批复", "到账", "垫付", "已结算", "待结算", "结余")
    keys = ("quota_fen", "received_fen", "advanced_fen", "settled_fen", "pending_fen", "left_fen")
    return _fill(
        table,
        ((name, *(yuan_text(row[key]) for key in keys)) for name, row in figures["cash"].items()),
    )


def _breakdown(title: str, rows: Mapping[str, Any]) -> Table:
    table = _table(f"按{title}", title, "核销张数", "直接带动额（元）", "补贴净额（元）")
    return _fill(
        table,
        (
            (
                name,
                f"{row['redeemed']:,}",
                yuan_text(row["order_net_fen"]),
                yuan_text(row["subsidy_net_fen"]),
            )
            for name, row in rows.items()
        ),
    )


def _checks(figures: Mapping[str, Any]) -> Table:
    recon = figures["reconciliation"]
    invariants = figures["invariants"]
    table = _table("核对", "项目", "应为", "实为", "")
    settled, due = figures["settlement_fen"], figures["redemptions_minus_refunds_fen"]
    rows: list[tuple[object, ...]] = [
        ("结算 = 核销 − 退款（现金出资方，元）", yuan_text(due), yuan_text(settled), due == settled)
    ]
    for kind in sorted({*recon["planted"], *recon["found"]}):
        planted, found = recon["planted"].get(kind, 0), recon["found"].get(kind, 0)
        rows.append((f"对账差错：{Discrepancy.Kind(kind).label}", planted, found, planted == found))
    rows.append(("渠道、终端自记与平台不一致项", 0, len(figures["callers_differ"]), None))
    title = f"不变量（{invariants['checks']} 项）违反行数"
    rows.append((title, 0, invariants["violations"], None))
    _fill(
        table,
        (
            (name, want, got, "相符" if (want == got if same is None else same) else "不符")
            for name, want, got, same in rows
        ),
    )
    table.caption = (
        f"{figures['requests']:,} 次请求，{figures['seconds']} 秒，"
        f"每秒 {figures['requests_per_s']} 次，p50 {figures['p50_ms']} ms，"
        f"p99 {figures['p99_ms']} ms"
    )
    return table
