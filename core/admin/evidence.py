"""Evidence of screening as a person reads it: labels in Chinese, yuan, times, tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.admin.details import Label, Labels, Line, detail_lines, in_label_order, value_text
from core.screening.models import Hit
from core.screening.rules import Family, SubjectType, rule, rule_title

SUBJECTS: dict[str, Label] = {
    SubjectType.PERSON: _("自然人"),
    SubjectType.DEVICE: _("设备"),
    SubjectType.STORE: _("门店"),
    SubjectType.TERMINAL: _("终端"),
    SubjectType.RING: _("团伙"),
}
FAMILIES: dict[str, Label] = {
    Family.IDENTITY: _("身份"),
    Family.PEOPLE: _("人员"),
    Family.TIME: _("时间"),
    Family.AMOUNT: _("金额"),
    Family.VOLUME: _("数量"),
    Family.PLACE: _("地点"),
    Family.MONEY_FLOW: _("资金流"),
    Family.REFUND: _("退款"),
    Family.DOCUMENTS: _("凭证"),
}
LABELS: dict[str, Label] = {
    "value": _("对象数值"),
    "redemptions": _("核销笔数"),
    "claims": _("领取笔数"),
    "persons": _("人数"),
    "subsidy_fen": _("补贴金额（元）"),
    "order_fen": _("订单金额（元）"),
    "threshold_fen": _("使用门槛（元）"),
    "amount_fen": _("金额（元）"),
    "share_bp": _("占比"),
    "quick": _("领后即核笔数"),
    "seconds": _("领取到核销（秒）"),
    "runs": _("连刷段数"),
    "longest_run": _("最长连刷笔数"),
    "keys": _("涉及标识数"),
    "top_tier": _("最高面额笔数"),
    "insiders": _("关联人员"),
    "level": _("建议"),
    "peers_persons": _("同类设备人数"),
    "peers_share_bp": _("同类门店占比"),
    "peers": _("同类对比"),
    "n": _("样本数"),
    "median": _("中位数"),
    "mad": _("绝对中位差"),
    "greatest": _("最大值"),
    "list": _("时间线"),
    "timeline": _("时间线"),
    "at": _("时间"),
    "redemption": _("核销单"),
    "claim": _("领取记录"),
    "terminal_no": _("终端号"),
    "position": _("岗位"),
    "masked": _("标识（脱敏）"),
    "kind": _("标识种类"),
    # What the rule was told to look for.
    "parameters": _("判定参数"),
    "parameter_version": _("参数版本（0 为默认值）"),
    "count": _("笔数下限"),
    "length": _("连刷笔数下限"),
    "gap_s": _("间隔小于（秒）"),
    "minutes": _("间隔不超过（分钟）"),
    "share_pct": _("占比下限（%）"),
    "above_pct": _("订单不超过门槛的（%）"),
    "review": _("核查人数"),
    "block": _("建议拦截人数"),
    # What speaks against the suspicion.
    "only_one_redemption": _("仅一笔核销"),
    "distinct_persons_bp": _("不同顾客占比"),
    "at_meal_time_bp": _("用餐时段占比"),
    "days": _("涉及天数"),
    "same_device_only_bp": _("仅设备相同（可能为家人共用）占比"),
    "share_of_store_bp": _("占本店核销比例"),
    "small_enough_for_a_family": _("人数在家庭共用范围内"),
    "accounts_sharing_a_mobile": _("共用手机号的账号数"),
}
AGAINST = "against"


def hits_view(hits: Iterable[Hit]) -> dict[str, Any]:
    """Return what the page of a case shows about its hits, in the given order."""
    shown = [
        {
            "rule": rule_title(hit.rule),
            "version": hit.rule_version,
            "family": FAMILIES.get(hit.family, hit.family),
            "window_from": hit.window_from,
            "window_until": hit.window_until,
            "at": hit.at,
            "freezes": hit.freezes,
            "facts": len(hit.fact_ids),
            "lines": hit_lines(hit),
            "against": against_lines(hit),
        }
        for hit in hits
    ]
    families = list(dict.fromkeys(str(one["family"]) for one in shown))
    return {"hits": shown, "families": families}


def hit_lines(hit: Hit) -> list[Line]:
    """Return the evidence of a hit but for what speaks against it."""
    found = {key: value for key, value in hit.evidence.items() if key != AGAINST}
    return detail_lines(found, _labels(hit.rule))


def against_lines(hit: Hit) -> list[str]:
    """Return what speaks against the suspicion."""
    found = hit.evidence.get(AGAINST) or []
    labels = _labels(hit.rule)
    if isinstance(found, Mapping):
        pairs = in_label_order(found, labels).items()
        return [f"{labels.get(key, key)}：{value_text(key, value)}" for key, value in pairs]
    if isinstance(found, str):
        return [found]
    return [value_text("", one) for one in found]


def _labels(rule_id: str) -> Labels:
    try:
        return {**LABELS, **rule(rule_id).labels}
    except LookupError:
        return LABELS
