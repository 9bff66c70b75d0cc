"""Return vouchers (消费返券), read-only: for which purchase, and what became of each."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.errors import CATALOGUE
from core.ids import to_public
from redemption.answers import REDEMPTION
from redemption.api.serializers.transactions import TRANSACTION
from redemption.models import Reward

STATE_LABELS = {"ISSUED": "success", "REFUSED": "warning", "VOIDED": "info", "FLAGGED": "danger"}


@admin.register(Reward)
class RewardAdmin(ScopedModelAdmin):
    """One row per purchase and batch whose trigger it met; decided once, by itself."""

    list_display = ("at", "batch", "purchase", "order", "state_label", "why_not", "reversed_at")
    list_select_related = ("batch",)
    list_filter = (
        RegionFilter,
        ("batch__campaign", ScopedRelatedFilter),
        ("state", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        ("at", RangeDateTimeFilter),
    )
    search_fields = ("source_id__exact", "claim_id__exact")
    search_help_text = _("按来源单编号查找")
    ordering = ("-at", "pk")
    paginator = InfinitePaginator
    fields = (
        "batch",
        "purchase",
        ("order", "least"),
        ("state_label", "why_not"),
        "claim_link",
        ("at", "reversed_at"),
    )
    readonly_fields = ("purchase", "order", "least", "state_label", "why_not", "claim_link")
    order = yuan_column("order_fen", _("订单金额（元）"))
    least = yuan_column("from_fen", _("返券起点（元）"))

    @display(description=_("状态"), label=STATE_LABELS)
    def state_label(self, obj: Reward) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("来源单"))
    def purchase(self, obj: Reward) -> SafeString | str:
        """Link to the payment or the reported purchase."""
        if obj.source == Reward.Source.REDEMPTION:
            number = to_public(REDEMPTION, obj.source_id)
            return page_link("redemption_redemption_change", number, obj.source_id)
        number = to_public(TRANSACTION, obj.source_id)
        return page_link("merchants_transaction_change", number, obj.source_id)

    @display(description=_("未返原因"))
    def why_not(self, obj: Reward) -> str:
        """Say why there is no voucher."""
        return "；".join(CATALOGUE[code].title_zh for code in obj.refusals) or "-"

    @display(description=_("领取记录"))
    def claim_link(self, obj: Reward) -> SafeString | str:
        """Link to the claim, and so to the voucher."""
        if obj.claim_id is None:
            return "-"
        return page_link("vouchers_claim_change", _("查看领取记录"), obj.claim_id)
