"""The bank's file: control totals first, all rows or none."""

import io

import pytest

from core.errors import DomainError
from redemption.settlement.errors import ControlTotalsError, ReconFileError
from redemption.settlement.models import BankLine, Payout, ReconFile
from redemption.settlement.recon.bank_file import bank_file_import
from tests.factories.redemption import confirmed_make, shop_make
from tests.redemption.settlement.factories import MONDAY, built, maker_make, sent

HEAD = "划付流水号,结果,金额,银行流水号,日期,原因"


def imported(*lines: str, encoding: str = "utf-8-sig") -> tuple[ReconFile, int]:
    """Import a file of these lines under its head."""
    content = "\r\n".join([HEAD, *lines]).encode(encoding)
    return bank_file_import(
        source=io.BytesIO(content), name="bank.csv", actor=maker_make(), now=MONDAY
    )


def payout_make() -> Payout:
    """Return a payout of 27.00 that was sent."""
    shop = shop_make()
    confirmed_make(shop)
    return sent(built(shop)).payouts.get()


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_results_are_recorded_once(encoding: str) -> None:
    payout = payout_make()
    lines = (f"{payout.reference},成功,27.00,`B001,2026-03-09,", "合计,1,27.00")
    file, new = imported(*lines, encoding=encoding)
    payout.refresh_from_db()
    assert (new, payout.state, payout.bank_ref) == (1, "PAID", "B001")
    assert imported(*lines, encoding=encoding) == (file, 0)
    assert (BankLine.objects.count(), BankLine.objects.get().row_no) == (1, 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lines", "error", "code"),
    [
        (("{ref},成功,27.00,B1,2026-03-09,",), ReconFileError, "recon.file_refused"),
        (("合计,0,0",), ReconFileError, "recon.file_refused"),
        (("{ref},成功,27.00,B1,2026-03-09,", "合计,2,27.00"), ControlTotalsError, ""),
        (("{ref},成功,27.00,B1,2026-03-09,", "合计,1,27.01"), ControlTotalsError, ""),
        (("{ref},好,27.00,B1,2026-03-09,", "合计,1,27.00"), ReconFileError, ""),
        (("{ref},成功,27.001,B1,2026-03-09,", "合计,1,27.00"), ReconFileError, ""),
        (("{ref},成功,1e9,B1,03/09,", "合计,1,27.00"), ReconFileError, ""),
        (("{ref},成功,27.00,,2026-03-09,", "合计,1,27.00"), ReconFileError, ""),
        (("PO0,成功,27.00,B1,2026-03-09,", "合计,1,27.00"), DomainError, ""),
        (("{ref},成功,26.00,B1,2026-03-09,", "合计,1,26.00"), DomainError, "payout.amount_differs"),
    ],
)
def test_a_wrong_file_changes_nothing(
    lines: tuple[str, ...], error: type[DomainError], code: str
) -> None:
    payout = payout_make()
    with pytest.raises(error) as caught:
        imported(*[line.format(ref=payout.reference) for line in lines])
    assert not code or caught.value.code == code
    payout.refresh_from_db()
    assert payout.state == "SENT"
    assert BankLine.objects.count() == 0
