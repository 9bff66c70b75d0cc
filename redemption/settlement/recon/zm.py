"""UnionPay-style merchant detail file (ZM): GBK, byte-counted fields (domain-rules §10).

A file is a head record, one record per trade and a control record; records end with LF. Fields are
separated by one space. The layout of a trade is the published one; head and control record are
agreed with the acquirers (docs/decisions/settlement.md):

    000 YYYYMMDD acquirer-code:20
    999 count:10 orders:13 discounts:13 refunded-orders:13 refunded-discounts:13 fees:13

Amounts of 13 bytes are C or D and 12 digits of fen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from core.clock import TIME_ZONE
from redemption.settlement.errors import ControlTotalsError, ReconFileError

ENCODING: Final = "gbk"
SEPARATOR: Final = b" "
CODES: Final = {"S22": "PAY", "S31": "CANCEL", "S30": "REFUND"}
CODE_OF: Final = {kind: code for code, kind in CODES.items()}
HEAD, CONTROL = "000", "999"

TRADE_FIELDS: Final[tuple[tuple[str, int], ...]] = (
    ("交易代码", 3),
    ("代理机构标识码", 11),
    ("发送机构标识码", 11),
    ("系统跟踪号", 6),
    ("交易传输时间", 10),
    ("账号", 19),
    ("交易金额", 12),
    ("商户类别", 4),
    ("终端类型", 2),
    ("查询流水号", 21),
    ("支付方式(旧)", 2),
    ("商户订单号", 32),
    ("支付卡类型", 2),
    ("原始交易系统跟踪号", 6),
    ("原始交易日期时间", 10),
    ("商户手续费", 13),
    ("结算金额", 13),
    ("支付方式", 4),
    ("集团商户代码", 15),
    ("交易类型", 2),
    ("交易子类", 2),
    ("业务类型", 6),
    ("账号类型", 2),
    ("账单类型", 4),
    ("账单号码", 32),
    ("交互方式", 1),
    ("原交易查询流水号", 21),
    ("商户代码", 15),
    ("分账入账方式", 1),
    ("二级商户代码", 15),
    ("二级商户简称", 32),
    ("二级商户分账入账金额", 13),
    ("清算净额", 13),
    ("终端号", 8),
    ("商户自定义域", 32),
    ("优惠金额", 13),
    ("发票金额", 13),
    ("分期付款附加手续费", 12),
    ("分期付款期数", 2),
    ("交易介质", 1),
    ("保留一", 32),
    ("保留二", 98),
)
HEAD_FIELDS: Final = (("记录", 3), ("账务日期", 8), ("机构代码", 20))
CONTROL_FIELDS: Final = (
    ("记录", 3),
    ("总笔数", 10),
    ("交易金额合计", 13),
    ("优惠金额合计", 13),
    ("退款金额合计", 13),
    ("退款优惠合计", 13),
    ("手续费合计", 13),
)
TRADE_NO_BYTES: Final = 32
MAX_RECORD_BYTES: Final = 2_000
_TRADE_BYTES: Final = sum(size for _, size in TRADE_FIELDS) + len(TRADE_FIELDS) - 1


@dataclass(frozen=True, slots=True)
class ZmTrade:
    """A trade: ``kind`` PAY, CANCEL or REFUND; amounts in fen, ``discount_fen`` the subsidy.

    ``trade_no`` is the channel's number of a payment or cancel, the refund's own number of a
    refund; ``origin_no`` the payment a cancel or refund belongs to.
    """

    kind: str
    trade_no: str
    merchant_no: str
    terminal_no: str
    trace_no: str
    traded_at: datetime
    order_fen: int
    discount_fen: int
    fee_fen: int = 0
    settle_fen: int = 0
    origin_no: str = ""
    mcc: str = "0000"


@dataclass(slots=True)
class ZmTotals:
    """Control totals in fen; payments apart from what reduces them."""

    count: int = 0
    order_fen: int = 0
    discount_fen: int = 0
    refund_order_fen: int = 0
    refund_discount_fen: int = 0
    fee_fen: int = 0

    def add(self, trade: ZmTrade) -> None:
        """Count one trade."""
        self.count += 1
        self.fee_fen += trade.fee_fen
        if trade.kind == "PAY":
            self.order_fen += trade.order_fen
            self.discount_fen += trade.discount_fen
        else:
            self.refund_order_fen += trade.order_fen
            self.refund_discount_fen += trade.discount_fen

    def values(self) -> tuple[int, ...]:
        """Return the totals in the order of the control record."""
        return (
            self.count,
            self.order_fen,
            self.discount_fen,
            self.refund_order_fen,
            self.refund_discount_fen,
            self.fee_fen,
        )


@dataclass(slots=True)
class ZmReader:
    """Reads a file record by record; ``totals`` are checked when the last one has been read."""

    lines: Iterable[bytes]
    business_date: date | None = None
    acquirer_code: str = ""
    totals: ZmTotals = field(default_factory=ZmTotals)

    def trades(self) -> Iterator[ZmTrade]:
        """Give the trades in order.

        Raises:
            ReconFileError: a record that cannot be read, with its number from 1.
            ControlTotalsError: the control record disagrees with the trades.
        """
        closed = False
        number = 0
        for number, raw in enumerate(self.lines, start=1):
            line = raw.rstrip(b"\r\n")
            if closed:
                raise _refuse(number, _("控制合计之后还有记录"))
            if number == 1:
                self._head(line)
            elif line[:3] == CONTROL.encode():
                self._control(number, line)
                closed = True
            else:
                trade = _trade(number, line, self._day())
                self.totals.add(trade)
                yield trade
        if not closed:
            raise _refuse(max(number, 1), _("缺少控制合计记录，文件不完整"))

    def _day(self) -> date:
        if self.business_date is None:
            raise _refuse(1, _("缺少文件头"))
        return self.business_date

    def _head(self, line: bytes) -> None:
        values = _split(1, line, HEAD_FIELDS)
        if values["记录"] != HEAD:
            raise _refuse(1, _("缺少文件头"))
        try:
            day = datetime.strptime(values["账务日期"], "%Y%m%d").replace(tzinfo=TIME_ZONE)
        except ValueError as error:
            raise _refuse(1, _("账务日期不正确")) from error
        self.business_date, self.acquirer_code = day.date(), values["机构代码"]

    def _control(self, number: int, line: bytes) -> None:
        values = _split(number, line, CONTROL_FIELDS)
        names = [name for name, _size in CONTROL_FIELDS[1:]]
        declared = [_digits(number, names[0], values[names[0]])]
        declared += [abs(_signed(number, name, values[name])) for name in names[1:]]
        for name, said, counted in zip(names, declared, self.totals.values(), strict=True):
            if said != abs(counted):
                raise ControlTotalsError(
                    data={"field": name, "declared": said, "counted": abs(counted)}
                )


def zm_write(*, acquirer_code: str, day: date, trades: Iterable[ZmTrade]) -> Iterator[bytes]:
    """Give the records of a file, in one pass; a day without trades has zero totals.

    Raises:
        ValueError: a value does not fit its field.
    """
    yield _join(HEAD_FIELDS, {"记录": HEAD, "账务日期": f"{day:%Y%m%d}", "机构代码": acquirer_code})
    totals = ZmTotals()
    for trade in trades:
        totals.add(trade)
        yield _join(TRADE_FIELDS, _values(trade))
    count, *amounts = totals.values()
    names = [name for name, _size in CONTROL_FIELDS[2:]]
    signs = ("C", "D", "D", "C", "D")
    control = {
        name: f"{sign}{fen:012d}" for name, sign, fen in zip(names, signs, amounts, strict=True)
    }
    yield _join(CONTROL_FIELDS, {"记录": CONTROL, "总笔数": f"{count:010d}", **control})


def _values(trade: ZmTrade) -> dict[str, str]:
    credit, debit = ("C", "D") if trade.kind == "PAY" else ("D", "C")
    when = trade.traded_at.astimezone(TIME_ZONE)
    return {
        "交易代码": CODE_OF[trade.kind],
        "系统跟踪号": trade.trace_no,
        "交易传输时间": f"{when:%m%d%H%M%S}",
        "交易金额": f"{trade.order_fen:012d}",
        "商户类别": trade.mcc,
        "商户订单号": trade.trade_no,
        "商户手续费": f"{debit}{trade.fee_fen:012d}",
        "结算金额": f"{credit}{trade.settle_fen:012d}",
        "原交易查询流水号": trade.origin_no[:21],
        "商户代码": trade.merchant_no,
        "清算净额": f"{credit}{trade.settle_fen:012d}",
        "终端号": trade.terminal_no,
        "商户自定义域": trade.origin_no,
        "优惠金额": f"{debit}{trade.discount_fen:012d}",
    }


def _trade(number: int, line: bytes, day: date) -> ZmTrade:
    values = _split(number, line, TRADE_FIELDS)
    kind = CODES.get(values["交易代码"])
    if kind is None:
        raise _refuse(number, _("未知交易代码"))
    return ZmTrade(
        kind=kind,
        trade_no=values["商户订单号"],
        merchant_no=values["商户代码"],
        terminal_no=values["终端号"],
        trace_no=values["系统跟踪号"],
        traded_at=_moment(number, values["交易传输时间"], day),
        order_fen=_digits(number, "交易金额", values["交易金额"]),
        discount_fen=abs(_signed(number, "优惠金额", values["优惠金额"])),
        fee_fen=abs(_signed(number, "商户手续费", values["商户手续费"])),
        settle_fen=_signed(number, "结算金额", values["结算金额"]),
        origin_no=values["商户自定义域"],
        mcc=values["商户类别"],
    )


def _moment(number: int, text: str, day: date) -> datetime:
    """Read MMDDhhmmss; the year is the one that brings it nearest to the file's date."""
    for year in (day.year, day.year - 1, day.year + 1):
        try:
            moment = datetime.strptime(f"{year}{text}", "%Y%m%d%H%M%S").replace(tzinfo=TIME_ZONE)
        except ValueError:
            continue
        if abs(moment.date() - day) < timedelta(days=180):
            return moment
    raise _refuse(number, _("交易传输时间不正确"))


def _split(number: int, line: bytes, fields: Iterable[tuple[str, int]]) -> dict[str, str]:
    values: dict[str, str] = {}
    position = 0
    for name, size in fields:
        if position and line[position : position + 1] != SEPARATOR:
            raise _refuse(number, _("字段“%(name)s”前的分隔符位置不正确") % {"name": name})
        position += bool(position)
        part = line[position : position + size]
        if len(part) != size:
            raise _refuse(number, _("记录长度不足"))
        try:
            text = part.decode(ENCODING)
        except UnicodeDecodeError as error:
            raise _refuse(number, _("字段“%(name)s”不是 GBK 编码") % {"name": name}) from error
        if any(ord(char) < 32 for char in text):
            raise _refuse(number, _("字段“%(name)s”含有控制字符") % {"name": name})
        values[name] = text.strip()
        position += size
    if position != len(line):
        raise _refuse(number, _("记录长度超出"))
    return values


def _join(fields: Iterable[tuple[str, int]], values: dict[str, str]) -> bytes:
    parts = []
    for name, size in fields:
        encoded = values.get(name, "").encode(ENCODING)
        if len(encoded) > size:
            raise ValueError(f"{name}: {len(encoded)} bytes, {size} allowed")
        parts.append(encoded.ljust(size))
    return SEPARATOR.join(parts) + b"\n"


def _digits(number: int, name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _refuse(number, _("字段“%(name)s”不是数字") % {"name": name})
    return int(text)


def _signed(number: int, name: str, text: str) -> int:
    """Read C or D and 12 digits: credit positive, debit negative; blank is zero."""
    if not text:
        return 0
    if text[0] not in "CD" or len(text) != 13:
        raise _refuse(number, _("字段“%(name)s”须为 C 或 D 加 12 位数字") % {"name": name})
    fen = _digits(number, name, text[1:])
    return fen if text[0] == "C" else -fen


def _refuse(number: int, reason: str) -> ReconFileError:
    return ReconFileError(data={"row": number, "reason": reason})
