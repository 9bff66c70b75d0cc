"""A row of the list becomes a record, or its faults are noted; personal numbers become hashes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from core.access.region_codes import region_prefix, subtree_contains, subtree_range
from core.pii import ACCOUNT, MOBILE, KeyedHash, pii_hash, pii_hashes
from merchants.imports import fields
from merchants.imports.columns import TITLES, ColumnSpec, header_read
from merchants.imports.problems import Problems
from merchants.imports.regions import RegionFinder
from merchants.imports.source import SourceRow, refused
from merchants.services.stores import store_name_normalise

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImportScope:
    """For whom a list is imported: the bureau's region, and the acquirer's, which both bound it."""

    owner_region: str
    acquirer_region: str

    @property
    def bounds(self) -> tuple[str, str]:
        """Both subtrees; a store must lie in each."""
        return self.owner_region, self.acquirer_region

    @property
    def owner_range(self) -> tuple[str, str]:
        """First and last code of the bureau's subtree."""
        return subtree_range(self.owner_region)

    def owner_of(self, region_code: str) -> str:
        """Return the bureau that owns what stands in a county.

        A list of the province belongs to the bureaus of the cities named in it; a city's or
        county's own list belongs to that bureau.
        """
        if len(region_prefix(self.owner_region)) > 2:
            return self.owner_region
        city = f"{region_code[:4]}00"
        return city if subtree_contains(self.owner_region, city) else self.owner_region


@dataclass(frozen=True, slots=True)
class Record:
    """A checked row. Raw account and telephone numbers are gone; hashes and tails remain."""

    row: int
    uscc: str
    merchant_name: str
    mcc: str
    industry: str
    commitment_on: date | None
    store_name: str
    region_code: str
    owner_region: str
    address: str
    longitude: Decimal | None
    latitude: Decimal | None
    opens_at: time | None
    closes_at: time | None
    merchant_no: str
    terminal_nos: list[str]
    account_name: str
    account_tail: str
    account_hashes: list[str]
    phone_hash: KeyedHash | None
    contact_masked: str


def records_read(
    rows: Iterator[SourceRow], *, scope: ImportScope, regions: RegionFinder, problems: Problems
) -> Iterator[Record]:
    """Give the records of the good rows; the faults of the others go to ``problems``.

    Raises:
        ImportFileRefusedError: no heading or no data, or what the source refuses on the way.
    """
    heading = next(rows, None)
    if heading is None:
        raise refused(_("文件中没有数据"))
    columns = header_read(heading.cells)
    count = 0
    for row in rows:
        count += 1
        cells = _cells(row, columns, problems)
        record = _Reader(row.number, cells, problems).record(scope, regions)
        if record is not None:
            yield record
    if count == 0:
        raise refused(_("文件中没有数据"))


def _cells(
    row: SourceRow, columns: Mapping[int, ColumnSpec], problems: Problems
) -> dict[str, str | None]:
    """Return the cleaned text per column; None where a fault was noted."""
    cells: dict[str, str | None] = {}
    for position, column in columns.items():
        text = row.cells[position] if position < len(row.cells) else ""
        reason = row.faults.get(position)
        value: str | None = None
        if reason is None:
            try:
                value = fields.clean(text, column.max_length)
            except fields.CellError as error:
                reason = str(error)
        if reason is None and column.is_required and not value:
            value, reason = None, _("不能为空")
        if reason is not None:
            problems.add(row.number, column.title, reason)
        cells[column.key] = value
    return cells


class _Reader:
    """Reads the cells of one row; a fault is noted and the row gives no record."""

    def __init__(self, row: int, cells: Mapping[str, str | None], problems: Problems) -> None:
        self.row = row
        self.cells = cells
        self.problems = problems
        self.before = problems.count
        self.is_whole = all(value is not None for value in cells.values())

    def fault(self, key: str, reason: str) -> None:
        self.problems.add(self.row, TITLES[key], reason)

    def take(self, key: str, read: Callable[[str], T]) -> T | None:
        text = self.cells.get(key)
        if not text:
            return None
        try:
            return read(text)
        except fields.CellError as error:
            self.fault(key, str(error))
            return None

    def record(self, scope: ImportScope, regions: RegionFinder) -> Record | None:
        category = self.take("mcc", fields.mcc)
        account = self.take("account", fields.account)
        phone = self.take("phone", fields.phone)
        region = self.region(scope, regions)
        longitude = self.take("longitude", fields.longitude)
        latitude = self.take("latitude", fields.latitude)
        if bool(self.cells.get("longitude")) != bool(self.cells.get("latitude")):
            self.fault("longitude", _("经度与纬度须同时填写"))
        values: dict[str, Any] = {
            "uscc": self.take("uscc", fields.uscc),
            "merchant_no": self.take("merchant_no", fields.merchant_no),
            "terminal_nos": self.take("terminal_nos", fields.terminal_nos),
            "opens_at": self.take("opens_at", fields.hour),
            "closes_at": self.take("closes_at", fields.hour),
            "commitment_on": self.take("commitment_on", fields.day),
        }
        if not self.is_whole or self.problems.count > self.before:
            return None
        if category is None or account is None or region is None:
            return None
        return Record(
            row=self.row,
            merchant_name=self.text("merchant_name"),
            mcc=category[0],
            industry=category[1],
            store_name=store_name_normalise(self.text("store_name")),
            region_code=region,
            owner_region=scope.owner_of(region),
            address=self.text("address"),
            longitude=longitude,
            latitude=latitude,
            account_name=self.text("account_name"),
            account_tail=account[-4:],
            account_hashes=[key.digest for key in pii_hashes(ACCOUNT, account)],
            phone_hash=pii_hash(MOBILE, phone[0]) if phone and phone[1] else None,
            contact_masked=_masked(self.text("contact"), phone[0] if phone else ""),
            **values,
        )

    def text(self, key: str) -> str:
        return self.cells.get(key) or ""

    def region(self, scope: ImportScope, regions: RegionFinder) -> str | None:
        text = self.cells.get("region")
        if not text:
            return None
        found = regions.find(text, scope.bounds)
        if found is None:
            if regions.is_above(text):
                self.fault("region", _("请填写到区县一级"))
            elif regions.is_known(text):
                self.fault("region", _("不在本次导入的地区范围内，或名称不唯一"))
            else:
                self.fault("region", _("地区代码或名称不存在"))
        return found


def _masked(name: str, phone: str) -> str:
    """Return a contact as it may be shown: 张* 138****1234."""
    shown = f"{name[:1]}*" if name else ""
    number = f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 10 else "****" if phone else ""
    return f"{shown} {number}".strip()
