"""Kernel tables that know a campaign only by id: scoped by the campaigns of the own region."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from core.admin.base import ScopedModelAdmin
from core.directory import CAMPAIGN, directory_choices, directory_name, directory_visible


class CampaignFilter(DropdownFilter):
    """Rows of one campaign; offers the campaigns whose rows the member of staff may see."""

    title = _("活动")
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the campaigns in scope."""
        return directory_choices(CAMPAIGN, request.user, view_action(model_admin))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen campaign; what is not offered gives nothing."""
        chosen = self.value()
        if not chosen:
            return queryset
        if chosen not in {key for key, _title in self.lookup_choices}:
            return queryset.none()
        return queryset.filter(campaign_id=chosen)


class CampaignScopedAdmin(ScopedModelAdmin):
    """Base of read-only pages over rows with a plain ``campaign_id``."""

    region_field = None
    campaign_path: ClassVar[str] = "campaign_id"

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of campaigns owned in the own region, with the campaign's name."""
        campaigns = directory_visible(CAMPAIGN, request.user, view_action(self)).values("pk")
        rows = queryset.filter(**{f"{self.campaign_path}__in": campaigns})
        named: QuerySet[Any] = rows.annotate(
            campaign_name=directory_name(self.campaign_path, CAMPAIGN)
        )
        return named


def view_action(model_admin: ModelAdmin[Any]) -> str:
    """Return the permission to look at the model's rows."""
    opts = model_admin.model._meta
    return f"{opts.app_label}.view_{opts.model_name}"
