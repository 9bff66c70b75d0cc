"""The first page of the admin: hands the figures of redemption.dashboard to the template."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from config.cards import Card, card, percent, times
from config.dashboard_stores import stores_context
from core.access.models import User
from core.access.roles import grants_permitting
from core.admin.columns import yuan_grouped
from core.admin.regions import region_title
from core.ledger.models import AccountKind
from redemption.dashboard.figures import ACTION, Figures, figures_read
from redemption.dashboard.todo import Todo, todo_read

MONEY = (
    AccountKind.CASH,
    AccountKind.AVAILABLE,
    AccountKind.ALLOCATED,
    AccountKind.RESERVED,
    AccountKind.OUTSTANDING,
    AccountKind.PAYABLE,
    AccountKind.PAYABLE_FROZEN,
    AccountKind.SETTLING,
    AccountKind.IN_TRANSIT,
    AccountKind.MERCHANT_RECEIVABLE,
    AccountKind.ADVANCE_PAYABLE,
)


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the first page shows to this member of staff."""
    user = request.user
    if not isinstance(user, User):
        return context
    context["title"] = _("工作台")
    context["todo"] = _todo(todo_read(user=user))
    grants = grants_permitting(user, ACTION)
    if grants:
        figures = figures_read(user=user)
        context |= {
            "regions": "、".join(sorted({region_title(grant.region) for grant in grants})),
            "figures": figures,
            **stores_context(user, figures),
            "cards": _cards(figures),
            "money": [
                card(kind.label, yuan_grouped(figures.balances[kind]), unit=_("元"))
                for kind in MONEY
            ],
        }
    return context


def _todo(todo: Todo) -> list[Card]:
    wanted: tuple[tuple[str, int | None, str, dict[str, str]], ...] = (
        (_("待我审批"), todo.approvals, "core_approval", {"state__exact": "PENDING"}),
        (_("未办结核查单"), todo.cases, "core_case", {}),
        (_("待处理异常"), todo.exceptions, "redemption_exceptionitem", {"state__exact": "OPEN"}),
        (_("未处理差错"), todo.discrepancies, "redemption_discrepancy", {"state__exact": "OPEN"}),
        (_("搁置的消息"), todo.parked, "core_delivery", {"state__exact": "PARKED"}),
    )
    return [
        card(title, f"{count:,}", tone="warn" if count else "good", link=_list_url(view, query))
        for title, count, view, query in wanted
        if count is not None
    ]


def _cards(figures: Figures) -> list[Card]:
    redeemed = figures.redeemed
    return [
        card(
            _("投放"),
            f"{figures.released_units:,}",
            unit=_("张"),
            more=_("面额 %(yuan)s 元") % {"yuan": yuan_grouped(figures.released_fen)},
        ),
        card(
            _("领取"),
            f"{figures.claimed_units:,}",
            unit=_("张"),
            more=_("面额 %(yuan)s 元") % {"yuan": yuan_grouped(figures.claimed_fen)},
        ),
        card(
            _("核销"),
            f"{redeemed.units:,}",
            unit=_("张"),
            more=_("共 %(payments)s 笔") % {"payments": f"{redeemed.payments:,}"},
        ),
        card(
            _("核销金额（补贴）"),
            yuan_grouped(redeemed.redeemed_fen),
            unit=_("元"),
            more=_("其后已退 %(yuan)s 元") % {"yuan": yuan_grouped(redeemed.refunded_fen)},
        ),
        card(_("核销率（按张数）"), percent(figures.rate_by_count), more=_("核销张数 ÷ 领取张数")),
        card(_("核销率（按金额）"), percent(figures.rate_by_amount), more=_("核销金额 ÷ 领取面额")),
        card(
            _("直接带动额"),
            yuan_grouped(redeemed.order_net_fen),
            unit=_("元"),
            more=_("核销订单金额，扣除撤销与退款"),
        ),
        card(
            _("财政撬动比"),
            times(figures.leverage_government),
            more=_("直接带动额 ÷ 财政部分 %(yuan)s 元")
            % {"yuan": yuan_grouped(redeemed.government_net_fen)},
        ),
        card(
            _("综合撬动比"),
            times(figures.leverage_all),
            more=_("直接带动额 ÷ 全部补贴 %(yuan)s 元")
            % {"yuan": yuan_grouped(redeemed.subsidy_net_fen)},
        ),
        card(
            _("撬动比（按发券额）"),
            times(figures.leverage_issued),
            more=_("直接带动额 ÷ 领取面额"),
        ),
    ]


def _list_url(view: str, query: dict[str, str]) -> str:
    return reverse(f"admin:{view}_changelist", query=query)
