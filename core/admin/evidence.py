"""Evidence of screening as a person reads it: labels in Chinese, yuan, times, tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin.columns import yuan_grouped
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
    "threshold": _("判定阈值"),
    "count": _("笔数"),
    "n": _("样本数"),
    "share": _("占比"),
    "share_percent": _("占比（%）"),
    "persons": _("人数"),
    "devices": _("设备数"),
    "peers": _("同类对比"),
    "median": _("中位数"),
    "mad": _("绝对中位差"),
    "percentile": _("百分位"),
    "p95": _("95 分位"),
    "p99": _("99 分位"),
    "amount_fen": _("金额（元）"),
    "subsidy_fen": _("补贴金额（元）"),
    "order_fen": _("订单金额（元）"),
    "settled_fen": _("已结算金额（元）"),
    "unsettled_fen": _("未结算金额（元）"),
    "at_risk_fen": _("风险金额（元）"),
    "parameters": _("规则参数"),
    "timeline": _("时间线"),
    "list": _("明细"),
    "runs": _("连刷时段"),
    "gap_s": _("间隔（秒）"),
    "minutes": _("分钟"),
    "at": _("时间"),
    "from": _("起"),
    "until": _("止"),
    "store": _("门店"),
    "terminal": _("终端"),
    "person": _("自然人"),
    "device": _("设备"),
    "redemption": _("核销"),
    "position": _("岗位"),
}
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
        pairs = [[_label(labels, name), _text(name, one)] for name, one in value.items()]
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
        return yuan_grouped(value) if key.endswith("_fen") else f"{value:,}"
    if isinstance(value, Mapping):
        return "；".join(f"{name} {_text(name, one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "、".join(_text(key, one) for one in value)
    return _moment(str(value)) if value is not None else "-"


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
