"""The tables of a forecast, the same for the terminal, the page and the workbook."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from core.admin.columns import yuan_grouped
from core.clock import TIME_ZONE
from core.tabular import Column
from redemption.forecast.parameters import BY_NAME, parameter_words
from redemption.forecast.result import Forecast
from redemption.forecast.words import (
    below_share,
    code_words,
    codes_words,
    forecast_notes,
    government_fen,
    half_words,
    sold_out_words,
)
from redemption.settlement.metrics import ratio
from redemption.settlement.reports.campaign import percent_text, times_text
from redemption.settlement.reports.sheets import Sheet

DAY = "%Y-%m-%d"


def forecast_sheets(forecast: Forecast) -> list[Sheet]:
    """Return every table of a forecast, the figures of the whole first."""
    return [
        _sheet(_("合计"), forecast, (_("指标"), _("预测")), _totals(forecast), wide=True),
        _sheet(_("批次"), forecast, _batch_columns(), _batches(forecast)),
        _sheet(_("各轮投放"), forecast, _wave_columns(), _waves(forecast)),
        _sheet(
            _("预计拒绝"),
            forecast,
            (_("环节"), _("代码"), _("原因"), _("次数"), _("占该环节请求")),
            _refusals(forecast),
        ),
        _sheet(
            _("逐日核销"),
            forecast,
            (_("日期"), _("核销张数"), Column(_("补贴（元）"), is_fen=True), _consumption()),
            _days(forecast),
        ),
        _sheet(_("出资方资金"), forecast, _funder_columns(), _funders(forecast)),
        _sheet(
            _("模型参数"),
            forecast,
            (_("参数"), _("名称"), _("取值"), _("单位"), _("范围"), _("来源")),
            _parameters(forecast),
        ),
    ]


def _sheet(
    name: str,
    forecast: Forecast,
    columns: Sequence[Column | str],
    rows: Iterator[tuple[Any, ...]],
    *,
    wide: bool = False,
) -> Sheet:
    return Sheet(
        name=name,
        title=_("投放预测：%(title)s · %(name)s") % {"title": forecast.title, "name": name},
        notes=forecast_notes(forecast),
        columns=[
            one if isinstance(one, Column) else Column(one, width=30 if wide else 18)
            for one in columns
        ],
        rows=list(rows),
        has_totals=False,
    )


def _yuan(title: str) -> Column:
    return Column(title, is_fen=True)


def _consumption() -> Column:
    return _yuan(_("直接带动额（元，预测）"))


def _totals(forecast: Forecast) -> Iterator[tuple[Any, ...]]:
    total = forecast.total
    claimed, redeemed = total("claimed"), total("redeemed")
    claimed_fen = sum(one.claimed * one.face_fen for one in forecast.vouchers)
    drawn = sum(one.tickets.drawn for one in forecast.batches)
    below = sum(one.tickets.below for one in forecast.batches)
    order_fen, subsidy_fen = total("order_fen"), total("subsidy_fen")
    yield _("参与人数（模型）"), forecast.persons
    yield _("领到券的人数"), forecast.claimants
    yield _("计划张数"), total("units")
    yield _("投放张数"), total("released")
    yield _("领取请求"), forecast.attempts()
    yield _("领取张数"), claimed
    yield _("未领张数"), total("left")
    yield _("核销张数"), redeemed
    yield _("过期张数"), total("expired")
    yield _("核销率（按张数）"), percent_text(ratio(redeemed, claimed))
    yield _("核销率（按金额）"), percent_text(ratio(subsidy_fen, claimed_fen))
    yield _("支付笔数"), drawn
    yield _("未达使用门槛的比例"), percent_text(ratio(below, drawn))
    yield _("核销补贴（元）"), yuan_grouped(subsidy_fen)
    yield _("直接带动额（元，预测）"), yuan_grouped(order_fen)
    yield _("财政撬动比（预测）"), times_text(ratio(order_fen, government_fen(forecast)))
    yield _("综合撬动比（预测）"), times_text(ratio(order_fen, subsidy_fen))


def _batch_columns() -> list[Column | str]:
    return [
        _("批次"),
        _yuan(_("面额（元）")),
        _("投放张数"),
        _("领取张数"),
        _("未领张数"),
        _("核销张数"),
        _("过期张数"),
        _("未达使用门槛的比例"),
        _yuan(_("补贴（元）")),
        _consumption(),
    ]


def _batches(forecast: Forecast) -> Iterator[tuple[Any, ...]]:
    for one in forecast.batches:
        yield (
            one.name,
            one.face_fen,
            one.released,
            one.claimed,
            one.left,
            one.redeemed,
            one.expired,
            percent_text(below_share(one)),
            one.subsidy_fen,
            one.order_fen,
        )


def _wave_columns() -> list[Column | str]:
    return [
        _("批次"),
        _("投放时点"),
        _("计划张数"),
        _("领去一半"),
        _("领完时间"),
        _("未领张数"),
        _("领取请求"),
        _("领到"),
        Column(_("拒绝"), width=60),
    ]


def _waves(forecast: Forecast) -> Iterator[tuple[Any, ...]]:
    for batch in forecast.batches:
        for wave in batch.waves:
            yield (
                batch.name,
                f"{wave.slot.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}",
                wave.units,
                half_words(wave),
                sold_out_words(wave),
                wave.left,
                wave.attempts,
                wave.accepted,
                codes_words(wave.refused),
            )


def _refusals(forecast: Forecast) -> Iterator[tuple[Any, ...]]:
    drawn = sum(one.tickets.drawn for one in forecast.batches)
    for step, codes, asked in (
        (_("领取"), forecast.refused(), forecast.attempts()),
        (_("核销"), forecast.refused_tickets(), drawn),
    ):
        for code, count in codes.items():
            yield step, code, code_words(code), count, percent_text(ratio(count, asked))


def _days(forecast: Forecast) -> Iterator[tuple[Any, ...]]:
    for day in sorted({one.day for batch in forecast.batches for one in batch.days}):
        same = [one for batch in forecast.batches for one in batch.days if one.day == day]
        yield (
            f"{day:{DAY}}",
            sum(one.redeemed for one in same),
            sum(one.subsidy_fen for one in same),
            sum(one.order_fen for one in same),
        )


def _funder_columns() -> list[Column | str]:
    return [
        _("出资方"),
        _yuan(_("预算额度（元）")),
        _yuan(_("发券金额（元）")),
        _yuan(_("核销补贴（元）")),
        _yuan(_("过期退回（元）")),
        _yuan(_("期末剩余（元）")),
    ]


def _funders(forecast: Forecast) -> Iterator[tuple[Any, ...]]:
    for one in forecast.funders:
        yield (
            one.name,
            one.quota_fen,
            one.issued_fen,
            one.redeemed_fen,
            one.returned_fen,
            one.left_fen,
        )


def _parameters(forecast: Forecast) -> Iterator[tuple[Any, ...]]:
    for name, value in forecast.parameters.items():
        words = parameter_words(BY_NAME[name])
        yield name, words["title"], value, words["unit"], words["range"], words["source"]
