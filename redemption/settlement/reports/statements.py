"""The statements of a campaign's business date: who gets what, and what it was made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from django.db import connection

from campaigns.models import Campaign, Funding
from core.ids import to_public
from core.tabular import Column
from merchants.models import Acquirer
from redemption.settlement.models import Statement
from redemption.settlement.reports import queries
from redemption.settlement.reports.daily import daily_sheets
from redemption.settlement.reports.reading import rows_of, stamp
from redemption.settlement.reports.sheets import Sheet
from redemption.settlement.states import BatchState, PayoutState
from redemption.states import StepKind

REDUCTIONS = ["CANCEL", "REFUND"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a statement is for: an acquirer, a funder, or (neither) the campaign."""

    kind: Statement.Kind
    acquirer: Acquirer | None = None
    funding: Funding | None = None

    @property
    def label(self) -> str:
        """Return the name that goes into file names."""
        if self.acquirer:
            return self.acquirer.code
        return self.funding.funder.code if self.funding else ""


def subjects_of_day(campaign: Campaign, day: date) -> list[Subject]:
    """Return every statement that a business date of a campaign has."""
    kinds = Statement.Kind
    with connection.cursor() as cursor:
        cursor.execute(queries.ACQUIRERS_OF_DAY, {"campaign": campaign.pk, "day": day})
        ids = [row[0] for row in cursor.fetchall()]
    acquirers = Acquirer.objects.filter(pk__in=ids).order_by("code")
    fundings = campaign.fundings.select_related("funder").order_by("position")
    concession = Funding.Mode.MERCHANT_CONCESSION
    subjects = [
        Subject(kind, acquirer)
        for acquirer in acquirers
        for kind in (kinds.ACQUIRER, kinds.REDEEMED, kinds.REFUNDED)
    ]
    subjects += [Subject(kinds.FUNDER, None, one) for one in fundings if one.mode != concession]
    if any(one.mode == concession for one in fundings):
        subjects.append(Subject(kinds.CONCESSION))
    return [*subjects, Subject(kinds.DAILY), Subject(kinds.BRIDGE)]


def sheets_of(campaign: Campaign, day: date, subject: Subject, now: datetime) -> list[Sheet]:
    """Return the sheets of one statement; their rows are read when they are written."""
    if subject.acquirer:
        return [_of_acquirer(campaign, day, subject, now)]
    if subject.funding:
        return [_funder(campaign, day, subject.funding, now)]
    if subject.kind == Statement.Kind.CONCESSION:
        return [_concession(campaign, day, now)]
    if subject.kind == Statement.Kind.DAILY:
        return daily_sheets(campaign, day, now)
    return [_bridge(campaign, day, now)]


def _of_acquirer(campaign: Campaign, day: date, subject: Subject, now: datetime) -> Sheet:
    acquirer = subject.acquirer
    if acquirer is None:
        raise ValueError("not a statement of an acquirer")
    if subject.kind == Statement.Kind.ACQUIRER:
        return _acquirer(campaign, day, acquirer, now)
    reduces = subject.kind == Statement.Kind.REFUNDED
    return _detail(campaign, day, acquirer, now, reduces=reduces)


def _acquirer(campaign: Campaign, day: date, acquirer: Acquirer, now: datetime) -> Sheet:
    fundings = [
        one
        for one in campaign.fundings.select_related("funder").order_by("position")
        if one.mode != Funding.Mode.MERCHANT_CONCESSION
    ]

    def rows() -> Iterator[Sequence[Any]]:
        parameters = {"campaign": campaign.pk, "acquirer": acquirer.pk, "day": day}
        for row in rows_of(queries.ACQUIRER, parameters):
            *head, fee, parts, reference, state, paid_on, bank_ref = row
            shares = orjson.loads(parts)  # Django leaves JSON of raw statements as text
            yield [
                *head,
                *[int(shares.get(str(one.funder_id), 0)) for one in fundings],
                fee,
                reference,
                PayoutState(state).label if state else "",
                paid_on,
                bank_ref,
            ]

    columns = [
        Column("结算批次号", width=30),
        Column("收单商户号"),
        Column("收款户名", width=24),
        Column("账号尾号", width=10),
        Column("商户名称", width=24),
        Column("明细笔数", width=10),
        *_settled_columns(),
        *[Column(f"其中：{one.funder.name}", is_fen=True) for one in fundings],
        Column("手续费（参考，不从补贴扣）", is_fen=True),
        Column("划付流水号", width=24),
        Column("划付状态", width=10),
        Column("付款日期", width=12),
        Column("银行流水号", width=24),
    ]
    return Sheet(
        name="结算单",
        title=f"{campaign.title}　收单机构结算单　{acquirer.name}",
        notes=[
            f"口径：账务日期 {day}（日切 {acquirer.cutoff:%H:%M}），现金出资方补贴，不含商户让利，"
            "未扣手续费；退款扣回为已结算后的退款。",
            stamp(now),
        ],
        columns=columns,
        rows=rows(),
        summed=frozenset({"明细笔数"}),
        capitals="实付金额",
    )


def _funder(campaign: Campaign, day: date, funding: Funding, now: datetime) -> Sheet:
    parameters = {"campaign": campaign.pk, "funder": funding.funder_id, "day": day}
    return Sheet(
        name="出资方结算单",
        title=f"{campaign.title}　出资方结算单　{funding.funder.name}",
        notes=[
            f"口径：账务日期 {day}，本出资方应承担的补贴；出资方式：{funding.get_mode_display()}。"
            "各出资方结算单合计等于结算批次合计。",
            stamp(now),
        ],
        columns=[
            Column("收单机构", width=24),
            Column("结算批次号", width=30),
            Column("批次状态", width=10),
            Column("应付日期", width=12),
            *_settled_columns(),
        ],
        rows=(
            [name, code, BatchState(state).label, *rest]
            for name, code, state, *rest in rows_of(queries.FUNDER, parameters)
        ),
        capitals="实付金额",
    )


def _concession(campaign: Campaign, day: date, now: datetime) -> Sheet:
    return Sheet(
        name="商户让利备查",
        title=f"{campaign.title}　商户让利备查单",
        notes=[f"口径：账务日期 {day}，商户自行承担部分，仅备查，不结算、不支付。", stamp(now)],
        columns=[
            Column("收单机构", width=24),
            Column("收单商户号"),
            Column("商户名称", width=24),
            Column("统一社会信用代码", width=22),
            Column("核销笔数", width=10),
            Column("让利金额", is_fen=True),
            Column("退款冲回", is_fen=True),
            Column("让利净额", is_fen=True),
        ],
        rows=rows_of(queries.CONCESSION, {"campaign": campaign.pk, "day": day}),
        summed=frozenset({"核销笔数"}),
        capitals="让利净额",
    )


def _detail(
    campaign: Campaign, day: date, acquirer: Acquirer, now: datetime, *, reduces: bool
) -> Sheet:
    parameters = {
        "campaign": campaign.pk,
        "acquirer": acquirer.pk,
        "day": day,
        "kinds": REDUCTIONS if reduces else ["CONFIRM"],
    }

    def row(values: tuple[Any, ...]) -> list[Any]:
        redemption_id, *middle, kind, at, order, payer, subsidy, merchant, batch, payout = values
        return [
            to_public("rdm", redemption_id),
            *middle,
            StepKind(kind).label,
            at,
            order,
            payer,
            subsidy,
            merchant,
            subsidy - merchant,
            batch,
            payout,
        ]

    name = "退款明细" if reduces else "核销明细"
    return Sheet(
        name=name,
        title=f"{campaign.title}　{name}　{acquirer.name}",
        notes=[
            f"口径：账务日期 {day}（日切 {acquirer.cutoff:%H:%M}），"
            + ("撤销与退款按发生日列示，金额为退回额。" if reduces else "按核销确认时间列示。"),
            stamp(now),
        ],
        columns=[
            Column("核销单号", width=32),
            Column("商户订单号", width=24),
            Column("渠道交易号", width=28),
            Column("外部单号", width=28),
            Column("门店编号"),
            Column("门店名称", width=24),
            Column("终端号", width=10),
            Column("类型", width=8),
            Column("时间", width=20),
            Column("订单金额", is_fen=True),
            Column("顾客金额", is_fen=True),
            Column("补贴金额", is_fen=True),
            Column("其中：商户让利", is_fen=True),
            Column("应结补贴", is_fen=True),
            Column("结算批次号", width=30),
            Column("划付流水号", width=24),
        ],
        rows=(row(values) for values in rows_of(queries.DETAIL, parameters)),
        capitals="应结补贴",
    )


def _bridge(campaign: Campaign, day: date, now: datetime) -> Sheet:
    def rows() -> Iterator[Sequence[Any]]:
        found = {
            (kind, natural, business): values
            for kind, natural, business, *values in rows_of(
                queries.BRIDGE, {"campaign": campaign.pk, "day": day}
            )
        }
        for kind in ("CONFIRM", "CANCEL", "REFUND"):
            both = found.get((kind, True, True), [0, 0, 0])
            late = found.get((kind, True, False), [0, 0, 0])
            early = found.get((kind, False, True), [0, 0, 0])
            label = StepKind(kind).label
            yield [label, "自然日合计", *[a + b for a, b in zip(both, late, strict=True)]]
            yield [label, "减：日切后发生，计入次一账务日", *[-value for value in late]]
            yield [label, "加：前一自然日日切后发生", *early]
            yield [label, "账务日合计", *[a + b for a, b in zip(both, early, strict=True)]]

    return Sheet(
        name="核对表",
        title=f"{campaign.title}　自然日与账务日期核对表",
        notes=[f"口径：{day}；账务日自前一日日切时起至当日日切时止。", stamp(now)],
        columns=[
            Column("类型", width=10),
            Column("项目", width=32),
            Column("笔数", width=10),
            Column("订单金额", is_fen=True),
            Column("补贴金额", is_fen=True),
        ],
        rows=rows(),
        has_totals=False,
    )


def _settled_columns() -> list[Column]:
    return [
        Column("应结金额", is_fen=True),
        Column("退款扣回", is_fen=True),
        Column("上期结转", is_fen=True),
        Column("结转下期", is_fen=True),
        Column("实付金额", is_fen=True),
    ]
