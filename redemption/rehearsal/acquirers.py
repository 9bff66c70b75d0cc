"""The acquirers' side: their own record of the day as a ZM file, with differences planted in it.

Each kind of difference is planted on purpose and counted, so that the report can say whether
reconciliation found exactly those (domain-rules §10).
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from core.clock import TIME_ZONE, business_date
from merchants.models import Acquirer
from redemption.rehearsal.crew import Crew
from redemption.rehearsal.session import Session, TillRow
from redemption.rehearsal.world import ACQUIRERS
from redemption.settlement.models import Discrepancy, ReconDay
from redemption.settlement.recon.days import day_close, discrepancy_assign, discrepancy_resolve
from redemption.settlement.recon.importing import recon_file_import
from redemption.settlement.recon.zm import ZmTrade, zm_write
from redemption.settlement.states import DayState, DiscrepancyState

NIGHT = time(22, 30)
"""What is sold after this an acquirer files under the next day: its own day ends earlier."""
ENOUGH = 4
"""Sales an acquirer's file needs before a difference is planted in it."""
KINDS = {"SALE": "PAY", "CANCEL": "CANCEL", "REFUND": "REFUND"}


@dataclass(slots=True)
class Acquirers:
    """Delivers each day's files and works off what reconciliation finds in them."""

    session: Session
    crew: Crew
    planted: Counter[str] = field(default_factory=Counter)
    delivered: set[date] = field(default_factory=set)

    def deliver(self, now: datetime) -> None:
        """Hand in yesterday's files of all acquirers that have begun to trade."""
        day = business_date(now) - timedelta(days=1)
        if day in self.delivered or not self.session.log:
            return
        self.delivered.add(day)
        for code in ACQUIRERS:
            trades = list(self._planted(code, day, list(self._trades(code, day))))
            content = b"".join(zm_write(acquirer_code=code, day=day, trades=trades))
            recon_file_import(
                acquirer_id=Acquirer.objects.get(code=code).pk,
                source=io.BytesIO(content),
                name=f"{code}-{day:%Y%m%d}.zm",
                actor=self.crew.user("jiesuan"),
                now=now,
            )
        self._work_off(now)

    def _trades(self, code: str, day: date) -> Iterator[ZmTrade]:
        night = datetime.combine(day, NIGHT, TIME_ZONE)
        for number, row in enumerate(self.session.log):
            if row.acquirer != code:
                continue
            sold_at_night = business_date(row.at) == row.at.date() and row.at.time() >= NIGHT
            filed = row.at.date() + timedelta(days=1) if sold_at_night else business_date(row.at)
            if sold_at_night and row.at >= night and row.at.date() == day:
                self.planted["CROSS_DAY"] += 1
            if filed == day:
                yield _trade(row, number)

    def _planted(self, code: str, day: date, trades: list[ZmTrade]) -> Iterator[ZmTrade]:
        """Change a file of each weekend's Saturday in one way an acquirer."""
        # Not what crossed from the night before: that is a difference already.
        sales = [one for one in trades if one.kind == "PAY" and one.traded_at.date() == day]
        saturday = day.isoweekday() == 6
        if not saturday or len(sales) < ENOUGH:
            yield from trades
            return
        chosen, other = sales[0], sales[1]
        match ACQUIRERS.index(code):
            case 0:
                self.planted["AMOUNT_DIFFERS"] += 1
                yield from (
                    replace(one, discount_fen=one.discount_fen + 1) if one is chosen else one
                    for one in trades
                )
            case 1:
                self.planted["OURS_ONLY"] += 1
                yield from (one for one in trades if one is not chosen)
            case 2:
                self.planted["THEIRS_ONLY"] += 1
                yield from trades
                yield replace(chosen, trade_no=f"X{chosen.trade_no[1:]}", trace_no="999999")
            case _:
                self.planted["STATUS_DIFFERS"] += 1
                yield from trades
                yield replace(other, kind="CANCEL", origin_no=other.trade_no)

    def _work_off(self, now: datetime) -> None:
        """Give every open difference an owner and an explanation, and close the days."""
        actor = self.crew.user("jiesuan")
        open_ones = Discrepancy.objects.filter(state=DiscrepancyState.OPEN)
        for one in open_ones.exclude(kind=Discrepancy.Kind.CROSS_DAY).order_by("pk"):
            discrepancy_assign(discrepancy_id=one.pk, owner=actor, actor=actor, now=now)
            discrepancy_resolve(
                discrepancy_id=one.pk,
                target=DiscrepancyState.EXPLAINED,
                resolution="与收单机构核对，为演示植入的差异",
                evidence="收单机构更正函（演示）",
                actor=actor,
                now=now,
            )
        for day in ReconDay.objects.exclude(state=DayState.CLOSED).order_by("business_date", "pk"):
            if not day.discrepancies.filter(state=DiscrepancyState.OPEN).exists():
                day_close(day_id=day.pk, actor=actor, now=now)


def _trade(row: TillRow, number: int) -> ZmTrade:
    return ZmTrade(
        kind=KINDS[row.kind],
        trade_no=row.trade_no,
        merchant_no=row.merchant_no,
        terminal_no=row.terminal_no,
        trace_no=f"{number % 1_000_000:06d}",
        traded_at=row.at,
        order_fen=row.order_fen,
        discount_fen=row.subsidy_fen,
        settle_fen=row.order_fen - row.subsidy_fen,
        origin_no="" if row.kind == "SALE" else row.origin_no,
    )
