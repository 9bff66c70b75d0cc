"""The steps of the redemption and the entries they are booked in."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _

from core.admin.columns import yuan_grouped
from core.ledger.models import Posting
from redemption.models import Redemption, RedemptionStep
from redemption.trace.stage import Fact, Stage, Table, day, moment


def steps_stage(redemption: Redemption, steps: Sequence[RedemptionStep]) -> Stage:
    """Return where it was paid, and what happened to it, in order."""
    rows = tuple(
        (
            step.get_kind_display(),
            moment(step.at),
            day(step.business_date),
            str(step.client or _("平台")),
            step.reference or "-",
            step.get_voucher_fate_display() or "-",
            yuan_grouped(step.order_fen),
            yuan_grouped(step.payer_fen),
            yuan_grouped(step.subsidy_fen),
        )
        for step in steps
    )
    columns = (
        *(_("步骤"), _("时间"), _("账务日期"), _("发起方"), _("外部单号"), _("券去向")),
        *(_("订单（元）"), _("顾客（元）"), _("补贴（元）")),
    )
    return Stage(
        _("核销"),
        (
            Fact(_("门店"), redemption.store.name, "merchants_store_change", redemption.store_id),
            Fact(
                _("终端"),
                redemption.terminal.terminal_no,
                "merchants_terminal_change",
                redemption.terminal_id,
            ),
            Fact(
                _("收单机构"),
                redemption.acquirer.name,
                "merchants_acquirer_change",
                redemption.acquirer_id,
            ),
            Fact(_("商户订单号"), redemption.order_no),
            Fact(_("渠道交易号"), redemption.channel_trade_no or "-"),
            Fact(
                _("名单版本"),
                str(redemption.whitelist.number) if redemption.whitelist else "-",
                "campaigns_whitelist_change" if redemption.whitelist else "",
                redemption.whitelist_id,
            ),
        ),
        (Table(_("步骤即事实，只增不改"), columns, rows, amounts=3),),
        tags=(redemption.get_state_display(),),
    )


def entries_stage(steps: Sequence[RedemptionStep], funders: Mapping[UUID, str]) -> Stage:
    """Return the postings of every step's entry, beside this redemption's own share.

    An entry books a whole group of facts that were committed together; the share is what the
    step itself says.
    """
    entry_ids = [step.entry_id for step in steps if step.entry_id]
    postings: dict[UUID, list[Posting]] = defaultdict(list)
    found = Posting.objects.filter(entry__in=entry_ids).select_related(
        "debit_account", "credit_account"
    )
    for posting in found.order_by("pk"):
        postings[posting.entry_id].append(posting)
    facts = dict(
        RedemptionStep.objects.filter(entry__in=entry_ids)
        .order_by()
        .values_list("entry_id")
        .annotate(n=Count("pk"))
    )
    tables = tuple(
        _entry_table(step, postings[step.entry_id], facts, funders)
        for step in steps
        if step.entry_id
    )
    return Stage(
        _("记账凭证"),
        tuple(
            Fact(step.get_kind_display(), str(step.entry_id), "core_entry_change", step.entry_id)
            for step in steps
            if step.entry_id
        ),
        tables,
    )


def _entry_table(
    step: RedemptionStep,
    postings: Sequence[Posting],
    facts: Mapping[UUID, int],
    funders: Mapping[UUID, str],
) -> Table:
    share = dict(zip(step.funder_ids, step.parts, strict=True))
    per_funder = Counter(posting.funder_id for posting in postings)
    together = facts.get(step.entry_id, 1) if step.entry_id else 1
    caption = _("%(kind)s（本凭证合并记账 %(count)s 笔）") % {
        "kind": step.get_kind_display(),
        "count": together,
    }
    rows = tuple(
        (
            posting.debit_account.get_kind_display(),
            posting.credit_account.get_kind_display(),
            funders.get(posting.funder_id, str(posting.funder_id)),
            yuan_grouped(posting.amount_fen),
            # Several payees or batches of one funder: the share cannot be told by the posting.
            yuan_grouped(share.get(posting.funder_id, 0))
            if per_funder[posting.funder_id] == 1
            else "-",
        )
        for posting in postings
    )
    columns = (_("借"), _("贷"), _("出资方"), _("凭证金额（元）"), _("其中本笔（元）"))
    return Table(caption, columns, rows, amounts=2)
