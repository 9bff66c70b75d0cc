"""The columns of an acquirer's merchant list (domain-rules §9) and how a heading is recognised."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from merchants.errors import ImportFileRefusedError


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column: our key, the heading we write, other headings we read, whether it must be there."""

    key: str
    title: str
    aliases: tuple[str, ...] = ()
    is_required: bool = True
    max_length: int = 120


COLUMNS: Final = (
    ColumnSpec("merchant_name", "商户名称", ("商户全称", "企业名称")),
    ColumnSpec("uscc", "统一社会信用代码", ("社会信用代码", "信用代码"), max_length=30),
    ColumnSpec("merchant_no", "收单商户号", ("商户号", "商户编号"), max_length=30),
    ColumnSpec("store_name", "门店名称", ("门店", "网点名称")),
    ColumnSpec("address", "门店地址", ("地址", "经营地址"), max_length=200),
    ColumnSpec("region", "地区代码", ("地区", "所属地区", "行政区划", "行政区划代码", "区县")),
    ColumnSpec("mcc", "MCC", ("商户类别码", "MCC码"), max_length=8),
    ColumnSpec("terminal_nos", "终端号", ("终端编号", "终端"), max_length=500),
    ColumnSpec("account_name", "收款户名", ("结算户名", "收款账户名称")),
    ColumnSpec("account", "收款账号", ("结算账号", "收款账户"), max_length=60),
    ColumnSpec("contact", "联系人", (), is_required=False, max_length=40),
    ColumnSpec("phone", "联系电话", ("电话", "手机号"), is_required=False, max_length=30),
    ColumnSpec("longitude", "经度", (), is_required=False, max_length=20),
    ColumnSpec("latitude", "纬度", (), is_required=False, max_length=20),
    ColumnSpec("opens_at", "营业开始", ("开门时间",), is_required=False, max_length=10),
    ColumnSpec("closes_at", "营业结束", ("关门时间",), is_required=False, max_length=10),
    ColumnSpec(
        "commitment_on", "承诺书签署日期", ("承诺书日期",), is_required=False, max_length=30
    ),
)
IGNORED: Final = frozenset({"序号", "备注", ""})
TITLES: Final = {column.key: column.title for column in COLUMNS}
_KEYS: Final = {
    heading: column for column in COLUMNS for heading in (column.title, *column.aliases)
}


def header_read(cells: Sequence[str]) -> dict[int, ColumnSpec]:
    """Return the column of every position of the heading row.

    Raises:
        ImportFileRefusedError: a column is missing, unknown or there twice.
    """
    found: dict[int, ColumnSpec] = {}
    for position, cell in enumerate(cells):
        heading = _heading(cell)
        if heading in IGNORED:
            continue
        column = _KEYS.get(heading) or _KEYS.get(heading.upper())
        if column is None:
            raise _refused(_("无法识别的列：%(column)s") % {"column": heading[:40]})
        if column in found.values():
            raise _refused(_("列重复：%(column)s") % {"column": column.title})
        found[position] = column
    missing = [
        column.title for column in COLUMNS if column.is_required and column not in found.values()
    ]
    if missing:
        raise _refused(_("缺少列：%(columns)s") % {"columns": "、".join(missing)})
    return found


def _heading(cell: str) -> str:
    """Return a heading without spaces, full-width forms, asterisks and remarks in brackets."""
    text = "".join(unicodedata.normalize("NFKC", cell).split()).strip("*:")
    return text.partition("(")[0]


def _refused(reason: str) -> ImportFileRefusedError:
    return ImportFileRefusedError(reason)
