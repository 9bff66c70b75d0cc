"""What a checker of settlement and reconciliation agrees to, in words (the approval's page)."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from core.money import yuan_text
from redemption.settlement.models import Discrepancy, ReconDay, SettlementBatch
from redemption.settlement.states import DiscrepancyState

MAX_ROWS = 50


def batch_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say whose batch of which day it is, and how its payout is made up; amounts in yuan."""
    rows = SettlementBatch.objects.select_related("campaign", "acquirer")
    batch = rows.get(pk=subject_id)
    return [
        f"{batch.campaign.title} · {batch.acquirer.name}",
        _("账务日期 %(day)s，应付日期 %(due)s") % {"day": batch.business_date, "due": batch.due_on},
        _(
            "应结 %(positive)s 元，退款扣回 %(negative)s 元，上期结转 %(brought)s 元，"
            "结转下期 %(carried)s 元"
        )
        % {
            "positive": yuan_text(batch.positive_fen),
            "negative": yuan_text(batch.negative_fen),
            "brought": yuan_text(batch.carry_in_fen),
            "carried": yuan_text(batch.carry_out_fen),
        },
        _("实付 %(payout)s 元：%(payees)s 个收款方，%(facts)s 笔明细")
        % {
            "payout": yuan_text(batch.payout_fen),
            "payees": batch.payee_count,
            "facts": batch.fact_count,
        },
    ]


def suspense_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say what a day's suspense list holds: the rows that wait, or those agreed to before."""
    day = ReconDay.objects.select_related("acquirer").get(pk=subject_id)
    rows = day.discrepancies.filter(state=DiscrepancyState.SUSPENSE, approval__isnull=True)
    if not rows.exists():
        rows = day.discrepancies.filter(approval__isnull=False)
    listed = list(rows.order_by("pk")[: MAX_ROWS + 1])
    lines = [
        _("%(acquirer)s %(day)s 的差错转入挂账")
        % {"acquirer": day.acquirer.name, "day": day.business_date}
    ]
    lines += [_row(one) for one in listed[:MAX_ROWS]]
    if len(listed) > MAX_ROWS:
        lines.append(_("另有 %(count)s 条") % {"count": rows.count() - MAX_ROWS})
    return lines


def _row(one: Discrepancy) -> str:
    return _("%(kind)s %(trade)s：差额 %(amount)s 元，%(why)s") % {
        "kind": one.get_kind_display(),
        "trade": one.trade_no or _("（无渠道交易号）"),
        "amount": yuan_text(one.amount_fen),
        "why": one.resolution or _("未说明"),
    }
