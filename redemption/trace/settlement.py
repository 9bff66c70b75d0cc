"""The last stations: settlement line, bank line, the acquirer's file row, freezes."""

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from core.admin.columns import yuan_grouped
from redemption.models import Redemption, RedemptionStep
from redemption.settlement.models import (
    BankLine,
    Discrepancy,
    FrozenFact,
    Payout,
    ReconRow,
    SettlementItem,
)
from redemption.trace.claims import approval_facts
from redemption.trace.stage import Fact, Stage, Table, day, moment


def items_of(steps: Sequence[RedemptionStep]) -> list[SettlementItem]:
    """Return the settlement items of the steps with everything the stations below show."""
    return list(
        SettlementItem.objects.filter(fact__in=steps)
        .select_related(
            "fact", "line__payee", "line__batch__checked_by", "line__batch__approval__maker"
        )
        .prefetch_related("line__batch__approval__decisions__checker")
        .order_by("fact__seq")
    )


def settlement_stage(items: Sequence[SettlementItem]) -> Stage:
    """Return the lines the facts went into and who checked and approved their batches."""
    if not items:
        return Stage(_("结算"), pending=_("尚未纳入结算批次。"))
    rows = tuple(
        (
            item.fact.get_kind_display(),
            item.line.batch.code,
            item.line.get_kind_display(),
            item.line.payee.merchant_no,
            yuan_grouped(item.amount_fen),
            yuan_grouped(item.line.amount_fen),
        )
        for item in items
    )
    columns = (
        *(_("事实"), _("结算批次"), _("行类型"), _("收单商户号")),
        *(_("本笔（元）"), _("整行（元）")),
    )
    facts: list[Fact] = []
    for batch in {item.line.batch_id: item.line.batch for item in items}.values():
        facts += [
            Fact(_("结算批次"), batch.code, "redemption_settlementbatch_change", batch.pk),
            Fact(_("状态"), batch.get_state_display()),
            Fact(_("账务日期"), day(batch.business_date)),
            Fact(_("应付日期"), day(batch.due_on)),
            Fact(_("核对"), f"{batch.checked_by or '-'} {moment(batch.checked_at)}"),
            *approval_facts(batch.approval),
        ]
    table = Table(_("只结算出资方的补贴，不含商户让利"), columns, rows, amounts=2)
    return Stage(_("结算"), tuple(facts), (table,))


def payout_stage(items: Sequence[SettlementItem]) -> Stage:
    """Return the payouts of those lines' batches to the payee, and the bank's answers."""
    pairs = {(item.line.batch_id, item.line.payee_id) for item in items}
    wanted = Q(pk__in=[])
    for batch, payee in pairs:
        wanted |= Q(batch=batch, payee=payee)
    payouts = list(Payout.objects.filter(wanted).order_by("created_at", "pk"))
    if not payouts:
        return Stage(_("划付与银行流水"), pending=_("尚未生成划付指令。"))
    facts: list[Fact] = []
    for payout in payouts:
        facts += [
            Fact(_("划付流水号"), payout.reference, "redemption_payout_change", payout.pk),
            Fact(_("划付金额（元）"), yuan_grouped(payout.amount_fen)),
            Fact(_("状态"), payout.get_state_display()),
            Fact(_("付款日期"), day(payout.paid_on)),
        ]
    lines = BankLine.objects.filter(payout__in=payouts).select_related("file", "payout")
    rows = tuple(
        (
            line.payout.reference,
            str(line.attempt),
            line.get_outcome_display(),
            line.bank_ref,
            day(line.value_date),
            _source(line),
            yuan_grouped(line.amount_fen),
        )
        for line in lines.order_by("at", "pk")
    )
    columns = (
        *(_("划付流水号"), _("第几次"), _("结果"), _("银行流水号"), _("日期"), _("来源")),
        _("金额（元）"),
    )
    tables = (Table(_("银行流水"), columns, rows),) if rows else ()
    return Stage(_("划付与银行流水"), tuple(facts), tables)


def _source(line: BankLine) -> str:
    if line.file is None:
        return _("手工登记")
    return _("%(file)s 第 %(row)s 行") % {"file": line.file.name, "row": line.row_no}


def recon_stage(redemption: Redemption, steps: Sequence[RedemptionStep]) -> Stage:
    """Return the rows of the acquirer's files about this payment, and differences found."""
    trade_no = redemption.channel_trade_no
    found: list[ReconRow] = []
    if trade_no:
        found = list(
            ReconRow.objects.filter(
                Q(trade_no=trade_no) | Q(origin_no=trade_no),
                file__acquirer=redemption.acquirer_id,
            )
            .select_related("file")
            .order_by("traded_at", "pk")
        )
    differences = list(
        Discrepancy.objects.filter(Q(redemption=redemption) | Q(row__in=found) | Q(fact__in=steps))
        .select_related("owner", "day")
        .order_by("found_at", "pk")
    )
    if not found and not differences:
        return Stage(_("收单机构对账文件"), pending=_("尚无收单机构明细行。"))
    columns = (
        *(_("文件"), _("行号"), _("种类"), _("渠道交易号"), _("终端号"), _("交易时间")),
        *(_("交易（元）"), _("优惠（元）"), _("手续费（元）")),
    )
    rows = tuple(
        (
            row.file.name,
            str(row.row_no),
            row.get_kind_display(),
            row.trade_no,
            row.terminal_no,
            moment(row.traded_at),
            yuan_grouped(row.order_fen),
            yuan_grouped(row.discount_fen),
            yuan_grouped(row.fee_fen),
        )
        for row in found
    )
    facts = tuple(
        Fact(
            _("对账差错"),
            f"{one.get_kind_display()} · {one.get_state_display()} · {one.owner or '-'}",
            "redemption_discrepancy_change",
            one.pk,
        )
        for one in differences
    )
    tables = (Table(_("收单机构明细"), columns, rows, amounts=3),) if rows else ()
    tag = _("有差错") if differences else _("相符")
    return Stage(_("收单机构对账文件"), facts, tables, tags=(tag,))


def freezes_stage(redemption: Redemption) -> Stage | None:
    """Return the cases that hold or held its settlement; None if there never was one."""
    freezes = FrozenFact.objects.filter(redemption=redemption).select_related("case")
    facts: list[Fact] = []
    for freeze in freezes.order_by("frozen_at", "pk"):
        facts += [
            Fact(_("风控核查单"), str(freeze.case), "core_case_change", freeze.case_id),
            Fact(_("方式"), freeze.get_mode_display()),
            Fact(_("状态"), freeze.get_state_display()),
            Fact(_("冻结金额（元）"), yuan_grouped(freeze.amount_fen)),
            Fact(_("冻结时间"), moment(freeze.frozen_at)),
            Fact(_("解除时间"), moment(freeze.closed_at)),
        ]
    return Stage(_("风控冻结"), tuple(facts)) if facts else None
