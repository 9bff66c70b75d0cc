"""Steps of redemptions: the facts that settlement and the books rest on, read-only."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from campaigns.models import Funder
from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, yuan_column, yuan_grouped
from core.admin.filters import RegionFilter, ScopedRelatedFilter, StoreRegionFilter
from core.ids import to_public
from redemption.answers import REDEMPTION
from redemption.models import RedemptionStep


@admin.register(RedemptionStep)
class RedemptionStepAdmin(ScopedModelAdmin):
    """Holds, confirms, releases, time-outs, cancels and refunds, the newest first."""

    region_field = "redemption__owner_region"
    store_region_field = "redemption__store_region"
    organisation_field = "redemption__acquirer__organisation_id"
    list_display = (
        "kind",
        "redemption_of",
        "at",
        "business_date",
        "order_amount",
        "payer_amount",
        "subsidy_amount",
        "voucher_fate",
        "reference",
    )
    list_display_links = ("kind",)
    list_filter = (
        RegionFilter,
        StoreRegionFilter,
        ("redemption__campaign", ScopedRelatedFilter),
        ("kind", ChoicesDropdownFilter),
        ("voucher_fate", ChoicesDropdownFilter),
        ("business_date", RangeDateFilter),
    )
    search_fields = ("id__exact", "redemption__id__exact", "reference__exact")
    search_help_text = _("按步骤、核销单编号或外部单号查找")
    paginator = InfinitePaginator
    ordering = ("-at", "pk")
    fields = (
        "kind",
        "redemption_of",
        "seq",
        "at",
        "business_date",
        "order_amount",
        "payer_amount",
        "subsidy_amount",
        "funders",
        "voucher_fate",
        "reference",
        "entry_of",
        "client",
        "idempotency_key",
    )
    readonly_fields = (
        "redemption_of",
        "order_amount",
        "payer_amount",
        "subsidy_amount",
        "funders",
        "entry_of",
    )
    order_amount = yuan_column("order_fen", _("订单金额（元）"))
    payer_amount = yuan_column("payer_fen", _("顾客金额（元）"))
    subsidy_amount = yuan_column("subsidy_fen", _("补贴金额（元）"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the redemption's region with the step."""
        rows: QuerySet[Any] = super().get_queryset(request).select_related("redemption")
        return rows

    @display(description=_("核销单"))
    def redemption_of(self, obj: RedemptionStep) -> SafeString | str:
        """Link to the redemption."""
        number = to_public(REDEMPTION, obj.redemption_id)
        return page_link("redemption_redemption_change", number, obj.redemption_id)

    @display(description=_("记账凭证"))
    def entry_of(self, obj: RedemptionStep) -> SafeString | str:
        """Link to the entry."""
        return page_link("core_entry_change", obj.entry, obj.entry_id) if obj.entry_id else "-"

    @display(description=_("各方出资（元）"))
    def funders(self, obj: RedemptionStep) -> str:
        """Show what each funder gives."""
        names = dict(Funder.objects.filter(pk__in=obj.funder_ids).values_list("pk", "name"))
        return "；".join(
            f"{names.get(funder_id, funder_id)} {yuan_grouped(fen)}"
            for funder_id, fen in zip(obj.funder_ids, obj.parts, strict=True)
        )
