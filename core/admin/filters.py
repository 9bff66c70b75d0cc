"""List filters that offer only what the member of staff may see."""

from __future__ import annotations  # ModelForm and ModelAdmin take no brackets at run time

from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import DateTimeField, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
    RangeDateFilter,
    RelatedDropdownFilter,
)
from unfold.utils import parse_date_str

from core.access.models import Region
from core.access.region_codes import subtree_range
from core.access.roles import grants_of
from core.clock import TIME_ZONE

AutocompleteFilter = AutocompleteSelectFilter
"""For related tables that are long: the autocomplete of a ScopedModelAdmin is scoped itself."""


class ScopedRelatedFilter(RelatedDropdownFilter):
    """A drop-down over a related table, restricted as the related table's own list is."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[Any, Any]]:
        """Return the choices from the related admin's scoped queryset."""
        related = model_admin.admin_site._registry.get(field.remote_field.model)
        if related is None:
            return []
        allowed = related.get_queryset(request).order_by().values("pk")
        choices: list[tuple[Any, Any]] = field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to=Q(pk__in=allowed),
        )
        return choices


class RegionFilter(DropdownFilter):
    """Rows of a region's subtree; offers the regions of the member of staff, two levels deep."""

    title = _("地区")
    parameter_name = "region"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return provinces and cities of the own subtrees, for a county its own line."""
        own = {grant.region for grant in grants_of(request.user)}
        inside = Q(pk__in=own) | Q(parent__in=own)
        return [(region.code, str(region)) for region in Region.objects.filter(inside)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows whose region lies in the chosen subtree."""
        code = self.value()
        if not code:
            return queryset
        return queryset.filter(**{f"{self.region_path()}__range": subtree_range(str(code))})

    def region_path(self) -> str:
        """Return the path to the region the filter looks at; a room may override it."""
        path: str | None = self.path
        return path or "owner_region"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: ModelAdmin[Any],
    ) -> None:
        """Take the path from the admin class."""
        self.path = getattr(model_admin, "region_field", None)
        super().__init__(request, params, model, model_admin)


class StoreRegionFilter(RegionFilter):
    """As `RegionFilter`, over the store's region."""

    title = _("门店地区")
    parameter_name = "store_region"

    def region_path(self) -> str:
        """Return the path to the store's region."""
        return self.path_of_store or "store_region"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: ModelAdmin[Any],
    ) -> None:
        """Take the path from the admin class."""
        self.path_of_store: str | None = getattr(model_admin, "store_region_field", None)
        super().__init__(request, params, model, model_admin)


class DayRangeFilter(RangeDateFilter):
    """A range of days in Shanghai, both ends included; also over columns that hold moments.

    Unfold's own compares moments with midnight, which leaves the last day out. The base of all
    pages puts this one in its place.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the days; what is no date keeps everything."""
        since, until = (self._day(f"{self.parameter_name}_{end}") for end in ("from", "to"))
        is_moment = isinstance(self.field, DateTimeField)
        if since is not None:
            queryset = queryset.filter(
                **{f"{self.field_path}__gte": _midnight(since) if is_moment else since}
            )
        if until is not None and is_moment:
            after = _midnight(until + timedelta(days=1))
            queryset = queryset.filter(**{f"{self.field_path}__lt": after})
        elif until is not None:
            queryset = queryset.filter(**{f"{self.field_path}__lte": until})
        return queryset

    def _day(self, name: str) -> date | None:
        found: date | None = parse_date_str(str(self.used_parameters.get(name) or ""))
        return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=TIME_ZONE)
