"""Technical tables without regions: for those whose grant covers the whole province."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from core.access.region_codes import region_prefix
from core.access.roles import Principal, grants_permitting
from core.admin.base import ScopedModelAdmin

PROVINCE_DIGITS = 2


def sees_platform(user: Principal, action: str) -> bool:
    """Tell whether a grant that permits ``action`` covers a whole province."""
    grants = grants_permitting(user, action)
    return any(len(region_prefix(grant.region)) == PROVINCE_DIGITS for grant in grants)


class PlatformAdmin(ScopedModelAdmin):
    """Base of pages about the platform itself; a city's staff does not see them."""

    region_field = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Show all rows or none."""
        return queryset if self.has_view_permission(request) else queryset.none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The permission must come from a grant for the province."""
        opts = self.model._meta
        return sees_platform(request.user, f"{opts.app_label}.view_{opts.model_name}")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """What cannot be seen is not in the menu."""
        return self.has_view_permission(request)
