"""Acquirers and brands."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin.actions import staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.filters import RegionFilter
from core.admin.regions import region_column
from merchants import services
from merchants.models import Acquirer, Brand
from merchants.selectors import acquirers_visible


@admin.register(Acquirer)
class AcquirerAdmin(ScopedModelAdmin):
    """收单机构: terms are changed by the list's makers; rows of regions above are read-only."""

    list_display = ("name", "code", "terms", "cutoff", "fee_bp", "region")
    list_filter = (RegionFilter, "term_unit")
    search_fields = ("name", "code")
    fields = (
        "code",
        "name",
        "organisation",
        "term_unit",
        "term_days",
        "cutoff",
        "fee_bp",
        "owner_region",
        "region",
    )
    autocomplete_fields = ("organisation",)
    region = region_column("owner_region", _("归属地区"))

    @admin.display(description=_("结算周期"), ordering="term_days")
    def terms(self, obj: Acquirer) -> str:
        """Write the terms as the field says them: T+1, D+2."""
        return f"{obj.term_unit}+{obj.term_days}"

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Show acquirers of the own region and of regions above, which serve it too."""
        return queryset.filter(pk__in=acquirers_visible(request.user).values("pk"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Ask for the region of a new acquirer; name that of one."""
        hidden = "owner_region" if obj else "region"
        return tuple(name for name in self.fields if name != hidden)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep identity and owner as registered."""
        return ("code", "organisation", "region") if obj else ()

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Register an acquirer."""
        return services.acquirer_create(**data, now=clock.now(), actor=staff_of(request))

    def service_update(self, request: HttpRequest, obj: Model, changed: dict[str, Any]) -> None:
        """Change name or terms."""
        services.acquirer_update(
            acquirer_id=obj.pk, now=clock.now(), actor=staff_of(request), **changed
        )


@admin.register(Brand)
class BrandAdmin(ScopedModelAdmin):
    """品牌: a list of names shared by all regions."""

    region_field = None
    list_display = ("name", "code")
    search_fields = ("name", "code")
    fields = ("code", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the code: approved rules name it."""
        return ("code",) if obj else ()

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Add a brand."""
        return services.brand_create(**data, now=clock.now(), actor=staff_of(request))

    def service_update(self, request: HttpRequest, obj: Model, changed: dict[str, Any]) -> None:
        """Rename a brand."""
        services.brand_update(brand_id=obj.pk, now=clock.now(), actor=staff_of(request), **changed)
