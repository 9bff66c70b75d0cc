"""Burn-down curves as inline SVG: one line a wave, time after the opening on a log scale.

From seconds to months in one picture; drawn on the server, no script. The tables beside it hold
the same figures.
"""

import math
from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.clock import TIME_ZONE
from redemption.forecast.result import BatchForecast, WaveForecast
from redemption.forecast.words import sold_out_words

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
MOST_LINES = 60
SHARES = (0, 25, 50, 75, 100)


def burn_down(batch: BatchForecast) -> SafeString:
    """Return the curves of a batch's first waves as an SVG element with a title."""
    waves = batch.waves[:MOST_LINES]
    if not waves:
        return SafeString("")
    longest = max(60, *(wave.curve[-1][0] for wave in waves))
    lines = format_html_join(
        "",
        '<polyline class="xfq-curve" points="{}"><title>{}</title></polyline>',
        ((_points(wave, longest), _wave_title(wave)) for wave in waves),
    )
    return format_html(
        '<svg class="xfq-chart" role="img" viewBox="0 0 {} {}" aria-label="{}">{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        _("%(batch)s：各轮剩余比例随时间下降的曲线，数值见下表") % {"batch": batch.name},
        _grid(),
        format_html_join(
            "",
            '<text class="xfq-tick" x="{}" y="{}" text-anchor="{}">{}</text>',
            ((f"{x:.1f}", HEIGHT - 12, anchor, text) for x, anchor, text in _ticks(longest)),
        ),
        lines,
    )


def _grid() -> SafeString:
    return format_html_join(
        "",
        '<line class="xfq-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="xfq-tick" x="{}" y="{}" text-anchor="end">{}%</text>',
        (
            (LEFT, WIDTH - RIGHT, y, y, LEFT - 6, f"{y + 4:.1f}", share)
            for share in SHARES
            for y in (_y(share / 100),)
        ),
    )


def _ticks(longest: int) -> Iterator[tuple[float, str, str]]:
    """Yield where time is written: as far as the longest wave goes, not too near one another."""
    marks = (
        (0, _("开抢")),
        (10, _("10 秒")),
        (60, _("1 分钟")),
        (600, _("10 分钟")),
        (3_600, _("1 小时")),
        (86_400, _("1 天")),
        (604_800, _("1 周")),
        (2_592_000, _("30 天")),
    )
    for second, text in marks:
        if second <= longest:
            yield _x(second, longest), "start" if second == 0 else "middle", text


def _points(wave: WaveForecast, longest: int) -> str:
    whole = wave.released or 1
    return " ".join(
        f"{_x(second, longest):.1f},{_y(left / whole):.1f}" for second, left in wave.curve
    )


def _wave_title(wave: WaveForecast) -> str:
    return f"{wave.slot.astimezone(TIME_ZONE):%Y-%m-%d %H:%M} · {sold_out_words(wave)}"


def _x(second: int, longest: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log1p(second) / math.log1p(longest)


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)
