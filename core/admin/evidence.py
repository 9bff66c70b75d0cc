"""Evidence of screening as a person reads it: labels in Chinese, yuan, times, tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin.columns import page_link, yuan_grouped
from core.admin.rule_parameters import rule_title
from core.clock import TIME_ZONE
from core.screening.models import Hit
from core.screening.rules import Family, SubjectType, rule

Label = str | Promise

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
VALUES: dict[str, Label] = {
    "BLOCK": _("拦截"),
    "REVIEW": _("人工核查"),
    "STAFF": _("员工"),
    "LEGAL_PERSON": _("法定代表人"),
    "PAYEE": _("收款人"),
    "TILL": _("收银设备"),
    "DOCUMENT": _("证件"),
    "MOBILE": _("手机号"),
    "DEVICE": _("设备"),
    "CARD": _("银行卡"),
    "ACCOUNT": _("账户"),
    "PAYER": _("付款账户"),
}
PAGES = {"redemption": "redemption_redemption_change", "claim": "vouchers_claim_change"}
BASIS_POINTS = "_bp"
COUNTS = frozenset({"n"})
AGAINST = "against"


@dataclass(frozen=True, slots=True)
class Line:
    """One label with a text, or with a table of rows."""

    label: str
    text: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


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
    labels = _labels(hit.rule)
    return [
        _line(labels, key, value)
        for key, value in hit.evidence.items()
        if key != AGAINST and value not in (None, "", [], {})
    ]


def against_lines(hit: Hit) -> list[str]:
    """Return what speaks against the suspicion."""
    found = hit.evidence.get(AGAINST) or []
    labels = _labels(hit.rule)
    if isinstance(found, Mapping):
        return [f"{_label(labels, key)}：{_text(key, value)}" for key, value in found.items()]
    if isinstance(found, str):
        return [found]
    return [_text("", one) for one in found]


def _labels(rule_id: str) -> Mapping[str, Label]:
    try:
        return {**LABELS, **rule(rule_id).labels}
    except LookupError:
        return LABELS


def _label(labels: Mapping[str, Label], key: str) -> str:
    return str(labels.get(key, key))


def _line(labels: Mapping[str, Label], key: str, value: Any) -> Line:
    label = _label(labels, key)
    if isinstance(value, Mapping):
        shares = key.endswith(BASIS_POINTS)
        pairs = [
            [_label(labels, name), _text(key if shares and name not in COUNTS else name, one)]
            for name, one in value.items()
        ]
        return Line(label, rows=pairs)
    if _is_table(value):
        names = list(dict.fromkeys(name for row in value for name in row))
        rows = [[_text(name, row.get(name)) for name in names] for row in value]
        return Line(label, header=[_label(labels, name) for name in names], rows=rows)
    return Line(label, text=_text(key, value))


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)
    )


def _text(key: str, value: object) -> str:
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    if isinstance(value, int):
        return _number(key, value)
    if isinstance(value, Mapping):
        return "；".join(f"{name} {_text(name, one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "、".join(_text(key, one) for one in value)
    text = "-" if value is None else str(value)
    if key in PAGES:
        return page_link(PAGES[key], text[-12:], text)
    words = " ".join(str(VALUES.get(word, word)) for word in text.split(" "))
    return _moment(words)


def _number(key: str, value: int) -> str:
    if key.endswith("_fen"):
        return yuan_grouped(value)
    if key.endswith(BASIS_POINTS):
        return f"{value // 100}.{value % 100:02d}%"
    return f"{value:,}"


def _moment(text: str) -> str:
    """Write a time of canonical JSON in the local zone; leave any other text alone."""
    if len(text) < len("2026-01-01T00:00") or text[10:11] != "T":
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return text
    return f"{moment.astimezone(TIME_ZONE):%Y-%m-%d %H:%M:%S}"
