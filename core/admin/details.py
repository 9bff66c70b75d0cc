"""What a row keeps as JSON, as a person reads it: labels, yuan, times, tables."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin.columns import page_link, yuan_grouped
from core.clock import TIME_ZONE
from core.ids import to_public

Label = str | Promise
Labels = Mapping[str, Label]

TEMPLATE = "core/admin/evidence_lines.html"

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
PAGES = {
    "redemption": ("redemption_redemption_change", "rdm"),
    "claim": ("vouchers_claim_change", "clm"),
}
"""The page of an id, and the prefix that it is shown with everywhere else."""
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BASIS_POINTS = "_bp"
COUNTS = frozenset({"n"})


@dataclass(frozen=True, slots=True)
class Line:
    """One label with a text, or with a table of rows."""

    label: str
    text: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def detail_lines(values: Mapping[str, Any], labels: Labels) -> list[Line]:
    """Return one line per key that holds something; a key without a label names itself.

    What the key ends in says how a number is written: ``_fen`` in yuan, ``_bp`` in per cent.
    """
    return [
        _line(labels, key, value)
        for key, value in values.items()
        if value not in (None, "", [], {})
    ]


def detail_text(values: Mapping[str, Any], labels: Labels) -> str:
    """Return the same in one sentence, for a list, in the order of the labels."""
    return "；".join(
        f"{_label(labels, key)}：{value_text(key, value)}"
        for key, value in in_label_order(values, labels).items()
        if value not in (None, "", [], {})
    )


def in_label_order(values: Mapping[str, Any], labels: Labels) -> dict[str, Any]:
    """Return the values in the order of their labels; PostgreSQL keeps no order of keys."""
    known = [key for key in labels if key in values]
    return {key: values[key] for key in [*known, *(key for key in values if key not in labels)]}


def lines_shown(lines: Sequence[Line]) -> SafeString | str:
    """Return lines as a page shows them."""
    return render_to_string(TEMPLATE, {"lines": lines}) if lines else "-"


def detail_column(field: str, title: Any, labels: Labels) -> Callable[[Any, Any], SafeString | str]:
    """Return an admin method that shows a JSON column line by line."""

    @display(description=title)
    def column(_admin: Any, obj: Any) -> SafeString | str:
        return lines_shown(detail_lines(in_label_order(getattr(obj, field), labels), labels))

    shown: Callable[[Any, Any], SafeString | str] = column
    return shown


def _label(labels: Labels, key: str) -> str:
    return str(labels.get(key, key))


def _line(labels: Labels, key: str, value: Any) -> Line:
    label = _label(labels, key)
    if isinstance(value, Mapping):
        shares = key.endswith(BASIS_POINTS)
        pairs = [
            [_label(labels, name), value_text(key if shares and name not in COUNTS else name, one)]
            for name, one in value.items()
        ]
        return Line(label, rows=pairs)
    if _is_table(value):
        names = list(dict.fromkeys(name for row in value for name in row))
        rows = [[value_text(name, row.get(name)) for name in names] for row in value]
        return Line(label, header=[_label(labels, name) for name in names], rows=rows)
    return Line(label, text=value_text(key, value))


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)
    )


def value_text(key: str, value: object) -> str:
    """Return a value as the end of its key tells: yuan, a share, a time, a word, a link."""
    if isinstance(value, bool):
        return gettext("是") if value else gettext("否")
    if isinstance(value, int):
        return _number(key, value)
    if isinstance(value, Mapping):
        return "；".join(f"{name} {value_text(name, one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "、".join(value_text(key, one) for one in value)
    text = "-" if value is None else str(value)
    if key in PAGES and UUID_TEXT.fullmatch(text):
        page, prefix = PAGES[key]
        return page_link(page, to_public(prefix, UUID(text)), text)
    words = " ".join(str(VALUES.get(word, word)) for word in text.split(" "))
    return _moment(words)


def _number(key: str, value: int) -> str:
    if key == "fen" or key.endswith("_fen"):
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
