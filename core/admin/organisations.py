"""Regions (reference data) and organisations."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core import clock
from core.access.models import Organisation, Region
from core.access.services.organisations import organisation_create, organisation_update
from core.admin.actions import staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.filters import RegionFilter


@admin.register(Region)
class RegionAdmin(ScopedModelAdmin):
    """The administrative divisions, read-only: they come with the platform."""

    region_field = None
    list_display = ("code", "name", "level", "parent")
    list_filter = (("level", ChoicesDropdownFilter),)
    list_select_related = ("parent",)
    search_fields = ("code__startswith", "name")
    fields = ("code", "name", "level", "parent")
    ordering = ("code",)


@admin.register(Organisation)
class OrganisationAdmin(ScopedModelAdmin):
    """Organisations of the own region."""

    region_field = "region__code"
    list_display = ("name", "code", "kind", "region", "is_active")
    list_filter = (RegionFilter, ("kind", ChoicesDropdownFilter), "is_active")
    list_select_related = ("region",)
    search_fields = ("name", "code")
    autocomplete_fields = ("region",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A new organisation is active; switching off is a change."""
        fields = ("name", "code", "kind", "region")
        return (*fields, "is_active") if obj is not None else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What grants and clients were given for does not change."""
        return ("code", "kind", "region") if obj is not None else ()

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Make the organisation."""
        return organisation_create(**data, actor=staff_of(request), now=clock.now())

    def service_update(self, request: HttpRequest, obj: Model, changed: dict[str, Any]) -> None:
        """Rename it or switch it on or off."""
        assert isinstance(obj, Organisation)  # noqa: S101 - the registered model
        organisation_update(organisation=obj, **changed, actor=staff_of(request), now=clock.now())
