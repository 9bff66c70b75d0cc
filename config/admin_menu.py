"""The side menu of the admin: what there is, in the order of the work; who sees what follows from
the pages' own permissions.
"""

from typing import Any, NamedTuple

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Entry(NamedTuple):
    """A model's list in the menu."""

    model: str
    icon: str


MENU: tuple[tuple[Any, tuple[Entry, ...]], ...] = (
    (
        _("待办"),
        (
            Entry("core.Approval", "approval"),
            Entry("redemption.ExceptionItem", "report"),
        ),
    ),
    (
        _("活动"),
        (
            Entry("campaigns.Campaign", "campaign"),
            Entry("campaigns.Version", "history_edu"),
            Entry("campaigns.Funder", "account_balance"),
            Entry("campaigns.Funding", "savings"),
            Entry("campaigns.Whitelist", "fact_check"),
            Entry("campaigns.WhitelistEntry", "playlist_add_check"),
        ),
    ),
    (
        _("券批次与投放"),
        (
            Entry("vouchers.Batch", "confirmation_number"),
            Entry("vouchers.BatchVersion", "rule"),
            Entry("vouchers.QuotaRelease", "schedule"),
            Entry("vouchers.QuotaSlice", "call_split"),
            Entry("vouchers.Limit", "person_alert"),
            Entry("vouchers.Audience", "diversity_3"),
            Entry("vouchers.AudienceSnapshot", "contact_page"),
            Entry("vouchers.Grant", "group_add"),
            Entry("vouchers.GrantChunk", "view_list"),
            Entry("vouchers.Claim", "redeem"),
            Entry("vouchers.Voucher", "local_activity"),
            Entry("vouchers.Enrolment", "group"),
            Entry("vouchers.EnrolmentKey", "link"),
            Entry("vouchers.IdentityKey", "fingerprint"),
            Entry("vouchers.IdentityHash", "tag"),
        ),
    ),
    (
        _("商户"),
        (
            Entry("merchants.Acquirer", "point_of_sale"),
            Entry("merchants.Brand", "loyalty"),
            Entry("merchants.Merchant", "storefront"),
            Entry("merchants.Store", "store"),
            Entry("merchants.Terminal", "contactless"),
            Entry("merchants.Payee", "account_balance_wallet"),
            Entry("merchants.MerchantStaff", "badge"),
            Entry("merchants.Transaction", "receipt_long"),
        ),
    ),
    (
        _("核销"),
        (
            Entry("redemption.Redemption", "shopping_cart_checkout"),
            Entry("redemption.RedemptionStep", "timeline"),
            Entry("redemption.RedemptionLine", "list_alt"),
            Entry("redemption.Earmark", "bookmark"),
            Entry("redemption.Reward", "redeem"),
            Entry("redemption.PaymentCode", "qr_code_2"),
        ),
    ),
    (
        _("结算与对账"),
        (
            Entry("redemption.SettlementBatch", "request_quote"),
            Entry("redemption.SettlementLine", "format_list_numbered"),
            Entry("redemption.SettlementItem", "receipt_long"),
            Entry("redemption.Payout", "payments"),
            Entry("redemption.BankLine", "account_balance"),
            Entry("redemption.FrozenFact", "ac_unit"),
            Entry("redemption.MerchantRepayment", "undo"),
            Entry("redemption.Statement", "description"),
            Entry("redemption.ReconDay", "event_available"),
            Entry("redemption.ReconFile", "upload_file"),
            Entry("redemption.ReconRow", "table_rows"),
            Entry("redemption.Discrepancy", "difference"),
        ),
    ),
    (
        _("风控"),
        (
            Entry("core.Case", "policy"),
            Entry("core.Hit", "crisis_alert"),
            Entry("core.RuleParameter", "tune"),
            Entry("vouchers.ControlEntry", "person_off"),
        ),
    ),
    (
        _("资金与账务"),
        (
            Entry("campaigns.FundsMovement", "currency_exchange"),
            Entry("core.Account", "account_tree"),
            Entry("core.Entry", "menu_book"),
            Entry("core.Posting", "compare_arrows"),
        ),
    ),
    (
        _("系统"),
        (
            Entry("core.Job", "pending_actions"),
            Entry("core.JobFile", "folder"),
            Entry("core.ScheduledTick", "event_repeat"),
            Entry("core.OutboxEvent", "outbox"),
            Entry("core.Delivery", "local_shipping"),
            Entry("core.BusinessClock", "schedule"),
            Entry("core.Organisation", "corporate_fare"),
            Entry("core.User", "person"),
            Entry("core.RoleGrant", "admin_panel_settings"),
            Entry("core.Client", "lan"),
            Entry("core.ClientKey", "key"),
            Entry("core.AuditEvent", "history"),
            Entry("core.AuditLink", "link"),
            Entry("core.ApprovalDecision", "how_to_reg"),
            Entry("core.Region", "map"),
            Entry("axes.AccessAttempt", "lock"),
            Entry("axes.AccessLog", "login"),
            Entry("django_celery_beat.PeriodicTask", "timer"),
        ),
    ),
)
TRACED = "redemption.Redemption"
"""The group of this model also leads to the page that follows one payment through."""
OPEN_GROUPS = 2
"""So many groups at the top are always open; the others fold."""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu of a member of staff; groups without a visible page are left out."""
    home = {
        "title": _("工作台"),
        "icon": "dashboard",
        "link": reverse("admin:index"),
    }
    groups: list[dict[str, Any]] = [{"title": None, "items": [home]}]
    for position, (title, entries) in enumerate(MENU):
        items = [item for entry in entries if (item := _item(request, entry)) is not None]
        if entries[0].model == TRACED:
            items = [*_trace(request), *items]
        if items:
            groups.append(
                {
                    "title": title,
                    "separator": False,
                    "collapsible": position >= OPEN_GROUPS,
                    "items": items,
                }
            )
    return groups


def menu_groups() -> dict[str, Any]:
    """Return the group that each list stands in, by the list's address."""
    return {
        _list_url(apps.get_model(entry.model)): title
        for title, entries in MENU
        for entry in entries
    }


def _trace(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.has_perm("redemption.view_redemption"):
        return []
    link = reverse("trace-search")
    return [{"title": _("一笔穿透"), "icon": "conversion_path", "link": link}]


def _item(request: HttpRequest, entry: Entry) -> dict[str, Any] | None:
    model = apps.get_model(entry.model)
    page = admin.site._registry.get(model)
    if page is None or not page.has_view_permission(request):
        return None
    return {
        "title": model._meta.verbose_name,
        "icon": entry.icon,
        "link": _list_url(model),
    }


def _list_url(model: type[Model]) -> str:
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
