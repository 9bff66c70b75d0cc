"""A forecast in words: how to read it, what it leaves out, codes by their titles."""

from collections.abc import Mapping
from fractions import Fraction

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.selectors import GOVERNMENT_LEVELS
from core.clock import TIME_ZONE
from core.errors import CATALOGUE
from redemption.forecast.result import BatchForecast, Forecast, WaveForecast
from redemption.settlement.metrics import ratio
from vouchers.rules.limit_words import issuing_words

CLAIMED = "CLAIM"
SCREEN_S = 300


def forecast_notes(forecast: Forecast) -> list[str]:
    """Return what has to be read with the figures, the most important first."""
    sample = forecast.sample
    notes = [
        _("预测不是承诺：按所列参数推演，参数多为示意假设；实际以活动运行为准。"),
        _(
            "抽样 1:%(scale)s：推演 %(units)s 张、%(persons)s 人、%(attempts)s 次领取、"
            "%(tickets)s 笔支付，各数为样本乘以抽样比例。"
        )
        % {
            "scale": f"{sample.scale:,}",
            "units": f"{sample.units:,}",
            "persons": f"{sample.persons:,}",
            "attempts": f"{sample.attempts:,}",
            "tickets": f"{sample.tickets:,}",
        },
        _(
            "未计入：渠道额度（均按不限渠道推演）、退款与撤销、一机多号、风控名单与筛查、停发、"
            "平台处理能力；每笔支付只用一张券。"
        ),
        _("直接带动额为预测核销订单金额合计（未减退款），撬动比据此计算。"),
    ]
    if sample.unplayed_waves:
        notes.append(
            _("有 %(count)s 轮张数过少，未进入样本；缩小抽样比例可以推演。")
            % {"count": sample.unplayed_waves}
        )
    notes += [
        _("%(batch)s：发放方式为“%(issuing)s”，此处按先到先得的领取推演。")
        % {"batch": batch.name, "issuing": issuing_words(batch.issuing)}
        for batch in forecast.batches
        if batch.issuing not in (CLAIMED, "PACK", "RETURN")
    ]
    return notes


def code_words(code: str) -> str:
    """Return the title of a code in the reader's language."""
    text = CATALOGUE[code]
    return text.title_en if (get_language() or "").startswith("en") else text.title_zh


def codes_words(codes: Mapping[str, int]) -> str:
    """Return counts by code in one line."""
    return "；".join(f"{code_words(code)} {count:,}" for code, count in codes.items()) or "—"


def sold_out_words(wave: WaveForecast) -> str:
    """Say in which minute a wave sells out, and how long after its opening."""
    if wave.sold_out_at is None or wave.sold_out_after_s is None:
        return _("未领完")
    at = wave.sold_out_at.astimezone(TIME_ZONE)
    return f"{at:%m-%d %H:%M}（{after_words(wave.sold_out_after_s)}）"


def half_words(wave: WaveForecast) -> str:
    """Say when half of a wave is gone; a dash where it never is."""
    half = next((second for second, left in wave.curve if 2 * left <= wave.released), None)
    return "—" if half is None else after_words(half)


def after_words(seconds: int) -> str:
    """Say how long after the opening something was."""
    if seconds < SCREEN_S:
        return _("开抢后 %(count)s 秒") % {"count": seconds}
    if seconds < 2 * 3600:
        return _("开抢后 %(count)s 分钟") % {"count": seconds // 60}
    return _("开抢后 %(count)s 小时") % {"count": seconds // 3600}


def below_share(batch: BatchForecast) -> Fraction | None:
    """Return the share of a batch's payments that do not reach its threshold."""
    return ratio(batch.tickets.below, batch.tickets.drawn)


def government_fen(forecast: Forecast) -> int:
    """Return what the government's funders pay."""
    levels = set(GOVERNMENT_LEVELS)
    return sum(one.redeemed_fen for one in forecast.funders if one.level in levels)
