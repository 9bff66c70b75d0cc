"""The acquirer's file: its bytes, its control totals, the five kinds of differences."""

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from core.access.models import Role
from core.approvals.services import approval_decide
from core.clock import TIME_ZONE
from redemption.models import ExceptionItem
from redemption.settlement.errors import (
    ControlTotalsError,
    DayHasFileError,
    DayNotReadyError,
    EvidenceRequiredError,
    ReconFileError,
)
from redemption.settlement.models import Discrepancy, ReconDay, ReconFile, ReconRow
from redemption.settlement.recon.days import (
    day_close,
    discrepancy_resolve,
    missing_files_find,
    suspense_submit,
)
from redemption.settlement.recon.importing import recon_file_import
from redemption.settlement.recon.ours import trades_of
from redemption.settlement.recon.zm import TRADE_FIELDS, ZmReader, ZmTrade, zm_write
from redemption.settlement.states import DiscrepancyState
from tests.factories.redemption import AT, Shop, confirmed_make, shop_make
from tests.factories.staff import staff_make
from tests.redemption.settlement.factories import DAY, NIGHT, maker_make, reduced

NEXT_DAY = DAY + timedelta(days=1)
TRADE = ZmTrade(
    kind="PAY",
    trade_no="T1",
    merchant_no="898000000000001",
    terminal_no="00000001",
    trace_no="000001",
    traded_at=datetime(2026, 3, 6, 10, 0, tzinfo=TIME_ZONE),
    order_fen=10_000,
    discount_fen=3_000,
    fee_fen=42,
    settle_fen=6_958,
    mcc="5812",
)


def file_of(trades: Iterable[ZmTrade], day: date = DAY, code: str = "acq") -> bytes:
    """Return a file's bytes."""
    return b"".join(zm_write(acquirer_code=code, day=day, trades=trades))


def read(content: bytes) -> list[ZmTrade]:
    """Read a file's trades."""
    return list(ZmReader(content.splitlines(keepends=True)).trades())


def ours(shop: Shop, day: date = DAY) -> list[ZmTrade]:
    """Return what the acquirer should report."""
    return list(trades_of(acquirer_id=shop.terminal.acquirer_id, day=day))


def imported(
    shop: Shop, trades: Iterable[ZmTrade], day: date = DAY, name: str = "zm.txt"
) -> ReconFile:
    """Import a file of trades."""
    content = file_of(trades, day, shop.terminal.acquirer.code)
    return recon_file_import(
        acquirer_id=shop.terminal.acquirer_id,
        source=io.BytesIO(content),
        name=name,
        actor=maker_make(),
        now=NIGHT,
    )


def found() -> list[tuple[str, str, int | None, int | None]]:
    """Return the differences: kind, state, ours, theirs."""
    return list(
        Discrepancy.objects.order_by("kind").values_list("kind", "state", "ours_fen", "theirs_fen")
    )


def test_the_layout_is_byte_counted() -> None:
    head, trade, control = file_of([TRADE]).splitlines()
    assert sum(size for _, size in TRADE_FIELDS) + len(TRADE_FIELDS) - 1 == len(trade)
    assert head == b"000 20260306 acq" + b" " * 17
    # 交易金额 begins after 3+11+11+6+10+19 bytes and six separators.
    assert trade[66:78] == b"000000010000"
    assert trade.endswith(b" " * 98)
    assert control == (
        b"999 0000000001 C000000010000 D000000003000 D000000000000 C000000000000 D000000000042"
    )
    assert read(file_of([TRADE])) == [TRADE]


def test_names_count_in_gbk_bytes() -> None:
    with pytest.raises(ValueError, match="33 bytes"):
        file_of([replace(TRADE, trade_no="券" * 16 + "x")])
    named = replace(TRADE, trade_no="券" * 16)
    assert read(file_of([named])) == [named]


@pytest.mark.parametrize(
    ("content", "row", "reason"),
    [
        (b"", 1, "缺少控制合计"),
        (b"999 0000000000\n", 1, "分隔符|长度"),
        (b"000 2026030X acq" + b" " * 17 + b"\n", 1, "账务日期"),
        (file_of([TRADE])[:-90], 2, "记录长度不足"),
        (b"".join(file_of([TRADE]).splitlines(keepends=True)[:2]), 2, "缺少控制合计"),
        (file_of([TRADE]) + file_of([TRADE]), 4, "之后还有记录"),
        (file_of([TRADE]).replace(b"S22", b"S99"), 2, "未知交易代码"),
        (file_of([TRADE]).replace(b" 000000010000 ", b" 00000001000x "), 2, "不是数字"),
        (file_of([TRADE]).replace(b" D000000003000 ", b" X000000003000 ", 1), 2, "C 或 D"),
        (file_of([TRADE]).replace(b"898000000000001", b"\xff98000000000001"), 2, "GBK"),
        (file_of([TRADE]).replace(b"0306100000", b"1306100000"), 2, "交易传输时间"),
        (file_of([TRADE]).replace(b"S22 ", b"S22\x00"), 2, "分隔符"),
    ],
)
def test_bad_files_say_where_and_why(content: bytes, row: int, reason: str) -> None:
    with pytest.raises(ReconFileError) as caught:
        read(content)
    assert caught.value.data["row"] == row
    assert any(part in caught.value.data["reason"] for part in reason.split("|"))


@pytest.mark.django_db
def test_wrong_control_totals_leave_nothing() -> None:
    shop = shop_make()
    code = shop.terminal.acquirer.code
    content = file_of([TRADE], code=code).replace(b" D000000003000 D", b" D000000003001 D")
    with pytest.raises(ControlTotalsError) as caught:
        recon_file_import(
            acquirer_id=shop.terminal.acquirer_id,
            source=io.BytesIO(content),
            name="zm.txt",
            actor=maker_make(),
            now=NIGHT,
        )
    assert caught.value.data == {"field": "优惠金额合计", "declared": 3_001, "counted": 3_000}
    assert (ReconFile.objects.count(), ReconDay.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_faithful_file_matches_and_closes_its_day() -> None:
    shop = shop_make()
    redemption_id = confirmed_make(shop)
    confirmed_make(shop)
    reduced(redemption_id, 1_500, AT)
    file = imported(shop, ours(shop))
    assert file.day is not None
    assert (found(), file.row_count) == ([], 3)
    assert (file.day.matched_count, file.day.matched_fen) == (3, 7_500)
    assert day_close(day_id=file.day.pk, actor=maker_make(), now=NIGHT).state == "CLOSED"


@pytest.mark.django_db
def test_the_same_file_again_changes_nothing_and_another_is_refused() -> None:
    shop = shop_make()
    confirmed_make(shop)
    first = imported(shop, ours(shop))
    assert imported(shop, ours(shop)) == first
    with pytest.raises(DayHasFileError):
        imported(shop, [])
    assert (ReconFile.objects.count(), ReconRow.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_a_file_of_another_acquirer_is_refused() -> None:
    shop, other = shop_make(), shop_make()
    content = file_of([], code=other.terminal.acquirer.code)
    with pytest.raises(ReconFileError):
        recon_file_import(
            acquirer_id=shop.terminal.acquirer_id,
            source=io.BytesIO(content),
            name="zm.txt",
            actor=maker_make(),
            now=NIGHT,
        )


@pytest.mark.django_db
def test_the_five_kinds_of_differences_are_found_and_nothing_else() -> None:
    shop = shop_make()
    for minute in range(5):
        confirmed_make(shop, at=AT + timedelta(minutes=minute))
    confirmed_make(shop, at=AT.replace(hour=23, minute=5))  # already the next business date
    trades = ours(shop)
    amount, missing, status, *same = trades
    early = ours(shop, NEXT_DAY)[0]
    wrong = replace(amount, discount_fen=amount.discount_fen + 100)
    cancelled = replace(status, kind="CANCEL")
    alien = replace(TRADE, trade_no="nobody-knows")
    file = imported(shop, [wrong, status, cancelled, *same, alien, early])
    assert found() == [
        ("AMOUNT_DIFFERS", "OPEN", 3_000, 3_100),
        ("CROSS_DAY", "OPEN", None, 3_000),
        ("OURS_ONLY", "OPEN", 3_000, None),
        ("STATUS_DIFFERS", "OPEN", None, 3_000),
        ("THEIRS_ONLY", "OPEN", None, 3_000),
    ]
    assert file.day is not None
    assert file.day.matched_count == 3
    assert Discrepancy.objects.get(kind="OURS_ONLY").trade_no == missing.trade_no
    # The next day's facts explain what came a day early.
    imported(shop, [], NEXT_DAY)
    assert Discrepancy.objects.get(kind="CROSS_DAY").state == DiscrepancyState.EXPLAINED
    assert Discrepancy.objects.count() == 5


@pytest.mark.django_db
def test_a_late_payment_is_looked_for_in_the_next_file_then_suspended() -> None:
    shop = shop_make()
    confirmed_make(shop, at=AT.replace(hour=22, minute=45))
    confirmed_make(shop, at=AT.replace(hour=22, minute=50))
    one, _two = ours(shop)
    imported(shop, [])
    assert found() == [("CROSS_DAY", "OPEN", 3_000, None)] * 2
    imported(shop, [one], NEXT_DAY)
    assert sorted(found()) == [
        ("CROSS_DAY", "EXPLAINED", 3_000, None),
        ("CROSS_DAY", "SUSPENSE", 3_000, None),
    ]


@pytest.mark.django_db
def test_without_a_trade_number_the_till_time_and_amount_decide() -> None:
    shop = shop_make()
    confirmed_make(shop)
    trade = replace(ours(shop)[0], trade_no="", traded_at=AT + timedelta(seconds=40))
    file = imported(shop, [trade])
    assert file.day is not None
    assert (found(), file.day.matched_count) == ([], 1)


@pytest.mark.django_db
def test_a_doubled_row_is_a_row_too_many() -> None:
    shop = shop_make()
    confirmed_make(shop)
    trade = ours(shop)[0]
    imported(shop, [trade, trade])
    assert found() == [("THEIRS_ONLY", "OPEN", None, 3_000)]


@pytest.mark.django_db
def test_a_day_closes_when_all_is_explained_or_suspense_is_approved() -> None:
    shop = shop_make()
    confirmed_make(shop)
    confirmed_make(shop, at=AT + timedelta(minutes=1))
    file = imported(shop, [])
    assert file.day is not None
    maker, day_id = maker_make(), file.day.pk
    with pytest.raises(DayNotReadyError) as caught:
        day_close(day_id=day_id, actor=maker, now=NIGHT)
    assert caught.value.data == {"open": 2, "suspense": 0, "missing": 0}
    one, two = Discrepancy.objects.order_by("pk")
    common: dict[str, Any] = {"actor": maker, "now": NIGHT}
    with pytest.raises(EvidenceRequiredError):
        discrepancy_resolve(
            discrepancy_id=one.pk,
            target=DiscrepancyState.EXPLAINED,
            resolution="补发",
            evidence=" ",
            **common,
        )
    discrepancy_resolve(
        discrepancy_id=one.pk,
        target=DiscrepancyState.EXPLAINED,
        resolution="机构漏报，已补发",
        evidence="函〔2026〕3号",
        **common,
    )
    discrepancy_resolve(
        discrepancy_id=two.pk,
        target=DiscrepancyState.SUSPENSE,
        resolution="待机构核实",
        evidence="",
        **common,
    )
    with pytest.raises(DayNotReadyError):
        day_close(day_id=day_id, **common)
    approval = suspense_submit(day_id=day_id, maker=maker, now=NIGHT)
    approval_decide(
        approval_id=approval.pk,
        checker=staff_make(Role.SETTLEMENT_CHECKER),
        agree=True,
        now=NIGHT,
    )
    assert day_close(day_id=day_id, **common).state == "CLOSED"


@pytest.mark.django_db
def test_a_missing_file_is_an_exception_until_it_comes() -> None:
    shop = shop_make()
    confirmed_make(shop)
    assert (missing_files_find(now=NIGHT), missing_files_find(now=NIGHT)) == (1, 0)
    item = ExceptionItem.objects.get(kind=ExceptionItem.Kind.MISSING_FILE)
    assert item.data["business_date"] == "2026-03-06"
    imported(shop, ours(shop))
    item.refresh_from_db()
    assert item.state == ExceptionItem.State.RESOLVED
    # A day without trades owes a file with zero totals.
    assert missing_files_find(now=NIGHT + timedelta(days=1)) == 1


@pytest.mark.django_db
def test_staged_rows_cannot_be_changed() -> None:
    shop = shop_make()
    confirmed_make(shop)
    imported(shop, ours(shop))
    with connection.cursor() as cursor, pytest.raises(Exception, match=r"denied|[Cc]annot"):
        cursor.execute("UPDATE redemption_reconrow SET order_fen = 1")
