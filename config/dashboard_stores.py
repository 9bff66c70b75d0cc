"""The first page of a city or county: what higher campaigns brought to its stores.

Campaigns of a higher region that cover R are R's to read (architecture.md, Ways in): their quota,
money and settlement are the higher bureau's. What R sees of them are the redemptions at its own
stores, without persons.
"""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from config.cards import Card, card, times
from core.access.models import User
from core.access.roles import grants_permitting
from core.admin.columns import yuan_grouped
from redemption.dashboard.figures import ACTION, Figures
from redemption.settlement.metrics import AtStores, ratio


def stores_context(user: User, figures: Figures) -> dict[str, Any]:
    """Return what the page says of higher campaigns, and why own figures are missing."""
    shown: dict[str, Any] = {"upper": _upper(user, figures)}
    if figures.upper or figures.at_stores.payments:
        shown["store_cards"] = _cards(user, figures.at_stores)
    if not figures.campaigns:
        shown["why_empty"] = _why_empty(user, figures)
    return shown


def _why_empty(user: User, figures: Figures) -> str:
    if all(grant.organisation_id for grant in grants_permitting(user, ACTION)):
        return _("本账号只看本机构的结算单与报表，首页不汇总活动数据。")
    if figures.upper:
        return _(
            "本地区没有自办活动，因此没有投放、领取和账务数据。覆盖本地区的上级活动由上级主管部门办理，"
            "其额度、资金和结算不在本页显示；本地区门店的核销见下。"
        )
    return _("本地区没有自办活动，也没有覆盖本地区的上级活动，因此没有数据。")


def _upper(user: User, figures: Figures) -> list[dict[str, str]]:
    readable = user.has_perm("campaigns.view_campaign")
    return [
        {
            "title": one.title,
            "state": one.state,
            "link": reverse("admin:campaigns_campaign_change", args=(one.campaign_id,))
            if readable
            else "",
        }
        for one in figures.upper
    ]


def _cards(user: User, stores: AtStores) -> list[Card]:
    link = (
        reverse("admin:redemption_redemption_changelist")
        if user.has_perm("redemption.view_redemption")
        else ""
    )
    return [
        card(
            _("核销"),
            f"{stores.units:,}",
            unit=_("张"),
            more=_("共 %(payments)s 笔") % {"payments": f"{stores.payments:,}"},
            link=link,
        ),
        card(
            _("核销金额（补贴）"),
            yuan_grouped(stores.redeemed_fen),
            unit=_("元"),
            more=_("其后已退 %(yuan)s 元") % {"yuan": yuan_grouped(stores.refunded_fen)},
        ),
        card(
            _("直接带动额"),
            yuan_grouped(stores.order_net_fen),
            unit=_("元"),
            more=_("核销订单金额，扣除撤销与退款"),
        ),
        card(
            _("综合撬动比"),
            times(ratio(stores.order_net_fen, stores.subsidy_net_fen)),
            more=_("直接带动额 ÷ 全部补贴 %(yuan)s 元")
            % {"yuan": yuan_grouped(stores.subsidy_net_fen)},
        ),
    ]
