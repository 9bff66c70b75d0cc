"""The admin class that every room derives from: region scope, no rule of its own, no delete.

Derive, name the region field, the columns and the services:

    @admin.register(Store)
    class StoreAdmin(ScopedModelAdmin):
        region_field = "owner_region"            # path to the owning bureau's code (the default)
        store_region_field = "region_code"       # rows also shown, read-only, by the store's region
        person_fields = ()                       # columns blanked on rows shown by store region
        list_display = ("store_no", "name", …)
        list_filter = (RegionFilter, ("merchant", ScopedRelatedFilter), …)
        search_fields = ("store_no", "name")     # needed where others autocomplete to this model

        def service_create(self, request, data):         # absent: nothing can be added
            return store_upsert(**data, actor=request.user, now=clock.now())

        def service_update(self, request, obj, changed):  # absent: the form is read-only
            return store_update(store_id=obj.pk, **changed, actor=request.user, now=clock.now())

What it does: `get_queryset` is scoped, hence lists, forms, autocompletes, exports and foreign-key
choices are (`core.access.scope`); rows out of scope are 404; a row visible but not owned cannot be
changed; nothing is deleted; add and change run the named service, and a `DomainError` becomes a
message on the form. Actions of a room use `core.admin.actions`.
"""

from __future__ import annotations  # ModelForm and ModelAdmin take no brackets at run time

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.checks import ModelAdminChecks
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminSelectWidget

from core.access.scope import ScopeFields, scope_owns, scope_queryset
from core.admin.actions import error_text
from core.admin.export import export_csv, export_xlsx
from core.admin.filters import DayRangeFilter
from core.admin.labels import labels_bind
from core.admin.regions import region_choices
from core.errors import DomainError
from core.ids import from_shown


class ScopedModelAdmin(ModelAdmin):
    """Base of all admin classes; see the module's docstring for what a room writes."""

    region_field: ClassVar[str | None] = "owner_region"
    """Lookup path to the owning bureau's region code; None for reference data without an owner."""
    store_region_field: ClassVar[str | None] = None
    """Lookup path to the store's region code: such rows are shown too, read-only."""
    covers_field: ClassVar[str | None] = None
    """Lookup path to an array of region codes: rows that cover the own region are shown too."""
    organisation_field: ClassVar[str | None] = None
    """Lookup path to the organisation whose staff (收单机构, 出资方) may see the row."""
    scope_many = False
    """True where one of these paths leads to many rows, so that none is listed twice."""
    person_fields: ClassVar[tuple[str, ...]] = ()
    """Columns about persons, blank on rows that are shown by their store's region only."""

    # Unfold's own check asks Django's permission table, which has none of our actions (roles
    # permit them) and does not exist yet when a new database is migrated.
    checks_class = ModelAdminChecks

    actions: Any = (export_xlsx, export_csv)
    """A room that adds its own repeats these two."""
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    list_filter_sheet = True
    warn_unsaved_form = True

    def __init__(self, model: type[Model], admin_site: AdminSite) -> None:
        """Let coloured labels work on the pages of rows too."""
        super().__init__(model, admin_site)
        labels_bind(self)

    # -- what a room overrides ---------------------------------------------------------------

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Make the row by one service call from the form's cleaned data; return it."""
        raise PermissionDenied

    def service_update(self, request: HttpRequest, obj: Model, changed: dict[str, Any]) -> None:
        """Apply the changed fields (name → new value) to the row by one service call."""
        raise PermissionDenied

    # -- scope -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows this member of staff may see."""
        return self.scope(request, super().get_queryset(request))

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Restrict a queryset of this model to what the member of staff may see."""
        if self.region_field is None:
            return queryset
        fields = self.scope_fields()
        if not self.scope_many:
            return scope_queryset(queryset, request.user, fields)
        visible = scope_queryset(self.model._default_manager.all(), request.user, fields)
        return queryset.filter(pk__in=visible.order_by().values("pk"))

    def scope_fields(self) -> ScopeFields:
        """Return where this model keeps its regions."""
        return ScopeFields(
            owner=self.region_field,
            store=self.store_region_field,
            covers=self.covers_field,
            organisation=self.organisation_field,
        )

    def row_is_owned(
        self, request: HttpRequest, obj: Model, *, verb: str = "", action: str = ""
    ) -> bool:
        """Tell whether the row's owner lies in the region of a grant (else it is read-only).

        With ``action``, or ``verb`` for ``<app>.<verb>_<model>``, only grants count whose role
        permits it.
        """
        if self.region_field is None:
            return True
        opts = self.model._meta
        if verb:
            action = f"{opts.app_label}.{verb}_{opts.model_name}"
        owner = _follow(obj, self.region_field)
        return scope_owns(request.user, owner, action=action or None)

    def object_or_404(self, request: HttpRequest, object_id: object, *, verb: str = "") -> Any:
        """Return the row for an action; 404 outside the scope, 403 if it is only readable."""
        obj = self.get_object(request, str(object_id))
        if obj is None:
            raise Http404
        if not self.row_is_owned(request, obj, verb=verb):
            raise PermissionDenied
        return obj

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list under the name that the menu has for it."""
        titled = {"title": self.model._meta.verbose_name, **(extra_context or {})}
        return super().changelist_view(request, titled)

    def change_url(self, obj: Model) -> str:
        """Return the address of the row's page."""
        opts = self.model._meta
        return reverse(
            f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_change", args=(obj.pk,)
        )

    def list_url(self) -> str:
        """Return the address of the list."""
        opts = self.model._meta
        return reverse(f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_changelist")

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: object, object_id: str
    ) -> HttpResponse:
        raise Http404

    def get_field_queryset(
        self, db: str | None, db_field: ForeignKey[Any, Any], request: HttpRequest
    ) -> QuerySet[Any] | None:
        """Offer only rows of the related model that the member of staff may see."""
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if isinstance(related, ScopedModelAdmin):
            return related.get_queryset(request)
        queryset: QuerySet[Any] | None = super().get_field_queryset(db, db_field, request)
        return queryset

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Offer the regions of the own grants where a region code is to be chosen."""
        is_owner = db_field.name == self.region_field
        if not (is_owner or db_field.name == self.store_region_field):
            field: forms.Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
            return field
        opts = self.model._meta
        action = f"{opts.app_label}.add_{opts.model_name}"
        return forms.ChoiceField(
            label=db_field.verbose_name,
            choices=region_choices(request, action, leaves_only=not is_owner),
            widget=UnfoldAdminSelectWidget(),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows by the numbers that pages show (``rdm_…``) wherever an id is searched."""
        shown = from_shown(search_term.strip())
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term if shown is None else str(shown)
        )
        return found

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Return the filters; ranges of days count whole days in Shanghai."""
        return [
            (spec[0], DayRangeFilter)
            if isinstance(spec, tuple) and spec[1] in (RangeDateFilter, RangeDateTimeFilter)
            else spec
            for spec in super().get_list_filter(request)
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow what a declared range filter sends, however far away its column is."""
        paths = [spec[0] for spec in self.get_list_filter(request) if isinstance(spec, tuple)]
        if any(lookup.startswith((f"{path}_from", f"{path}_to")) for path in paths):
            return True
        return bool(super().lookup_allowed(lookup, value, request))

    # -- permissions -------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Adding needs a service and the permission."""
        return self._overrides("service_create") and bool(super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changing needs a service, the permission and a row of the own region."""
        if not self._overrides("service_update") or not super().has_change_permission(request, obj):
            return False
        return not isinstance(obj, Model) or self.row_is_owned(request, obj, verb="change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted in the admin."""
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whoever may read a list may export it; every export is recorded."""
        return bool(self.has_view_permission(request))

    def _overrides(self, name: str) -> bool:
        return getattr(type(self), name) is not getattr(ScopedModelAdmin, name)

    # -- changes through services ------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show or handle the form; a refusal of the service is shown on the form itself."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            # The transaction of the first pass is rolled back; the second pass only renders.
            request.domain_error = error  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        """Return the form class; after a refusal one that is invalid for the refusal's reason."""
        form: type[forms.ModelForm[Any]] = super().get_form(request, obj, change=change, **kwargs)
        error: DomainError | None = getattr(request, "domain_error", None)
        return form if error is None else _refused(form, error)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Hand the form to the service; the row itself is never saved from here."""
        if change:
            changed = {name: form.cleaned_data[name] for name in form.changed_data}
            if changed:
                self.service_update(request, obj, changed)
            obj.refresh_from_db()
        else:
            created = self.service_create(request, dict(form.cleaned_data))
            obj.__dict__.update(created.__dict__)

    def get_list_display(self, request: HttpRequest) -> list[Any] | tuple[Any, ...]:
        """Return the columns, those about persons blanked where the row is not owned."""
        columns: list[Any] | tuple[Any, ...] = super().get_list_display(request)
        if not self.person_fields:
            return columns
        return [
            self._owned_only(request, name) if name in self.person_fields else name
            for name in columns
        ]

    def _owned_only(self, request: HttpRequest, name: str) -> Callable[[Any], Any]:
        def column(obj: Any) -> Any:
            return _follow(obj, name) if self.row_is_owned(request, obj) else None

        column.short_description = self.model._meta.get_field(name).verbose_name  # type: ignore[attr-defined]
        column.__name__ = name
        return column


def _refused(form: type[forms.ModelForm[Any]], error: DomainError) -> type[forms.ModelForm[Any]]:
    class RefusedForm(form):  # type: ignore[valid-type, misc]
        def clean(self) -> dict[str, Any] | None:
            data: dict[str, Any] | None = super().clean()
            named = [param for param in error.invalid_params if param.name in self.fields]
            for param in named:
                self.add_error(param.name, param.reason)
            if not named:
                self.add_error(None, error_text(error))
            return data

    return RefusedForm


def _follow(obj: Any, path: str) -> Any:
    for name in path.split("__"):
        obj = getattr(obj, name)
    return obj
