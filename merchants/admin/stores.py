"""Stores."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core import clock
from core.admin.actions import staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.filters import AutocompleteFilter, RegionFilter, StoreRegionFilter
from core.admin.regions import region_column
from merchants import services
from merchants.admin.counts import rows_of
from merchants.models import Store, Terminal


@admin.register(Store)
class StoreAdmin(ScopedModelAdmin):
    """门店: owned by the bureau that registered it; seen where it stands."""

    store_region_field = "region_code"
    organisation_field = "terminals__acquirer__organisation_id"
    scope_many = True
    list_display = (
        "name",
        "store_no",
        "merchant",
        "place",
        "owner",
        "address",
        "terminal_count",
        "is_active",
    )
    list_filter = (StoreRegionFilter, RegionFilter, "is_active", ("merchant", AutocompleteFilter))
    list_select_related = ("merchant",)
    search_fields = ("name", "store_no", "merchant__name", "address")
    autocomplete_fields = ("merchant",)
    fields = (
        "store_no",
        "merchant",
        "name",
        "place",
        "owner",
        "region_code",
        "owner_region",
        "address",
        ("longitude", "latitude"),
        ("opens_at", "closes_at"),
        "is_active",
    )
    place = region_column("region_code", _("门店地区"))
    owner = region_column("owner_region", _("归属地区"))

    @display(description=_("终端数"), ordering="terminals_n")
    def terminal_count(self, obj: Any) -> int:
        """Show the number of terminals."""
        return int(obj.terminals_n)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the terminals of each store with the list."""
        rows: QuerySet[Any] = (
            super().get_queryset(request).annotate(terminals_n=rows_of(Terminal, "store"))
        )
        return rows

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        """Name the regions of a store; ask for those of a new one, which has no number yet."""
        hidden = ("region_code", "owner_region") if obj else ("store_no", "place", "owner")
        return tuple(name for name in self.fields if name not in hidden)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep what identifies a store; a new one gets its number from the service."""
        return ("store_no", "merchant", "place", "owner") if obj else ()

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Add a store."""
        merchant = data.pop("merchant")
        return services.store_upsert(
            merchant_id=merchant.pk, **data, now=clock.now(), actor=staff_of(request)
        )

    def service_update(self, request: HttpRequest, obj: Model, changed: dict[str, Any]) -> None:
        """Change a store."""
        services.store_update(store_id=obj.pk, now=clock.now(), actor=staff_of(request), **changed)
