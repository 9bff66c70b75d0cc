"""Terminals and their voucher tests."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action, display

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.export import export_csv, export_xlsx
from core.admin.filters import (
    AutocompleteFilter,
    RegionFilter,
    ScopedRelatedFilter,
    StoreRegionFilter,
)
from core.admin.regions import region_column
from merchants import services
from merchants.admin.forms import TerminalForm, TerminalTestForm
from merchants.models import Terminal


@admin.register(Terminal)
class TerminalAdmin(ScopedModelAdmin):
    """终端: live only after a passed test (验券测试)."""

    region_field = "store__owner_region"
    store_region_field = "store__region_code"
    organisation_field = "acquirer__organisation_id"
    form = TerminalForm
    list_display = (
        "terminal_no",
        "acquirer",
        "merchant_no",
        "store",
        "place",
        "tested_at",
        "is_live",
    )
    list_filter = (
        ("acquirer", ScopedRelatedFilter),
        RegionFilter,
        StoreRegionFilter,
        "is_active",
        ("tested_at", RangeDateFilter),
        ("tested_at", admin.EmptyFieldListFilter),
        ("store", AutocompleteFilter),
    )
    list_select_related = ("acquirer", "store")
    search_fields = ("terminal_no", "merchant_no", "store__name", "store__store_no")
    autocomplete_fields = ("acquirer", "store")
    fields = ("acquirer", "terminal_no", "store", "merchant_no", "tested_at", "is_active")
    actions = (export_xlsx, export_csv, "tests_passed")
    actions_detail = ("record_test",)
    has_record_test_permission = button("merchants.change_terminal")
    place = region_column("store__region_code", _("门店地区"))

    @display(description=_("可用"), boolean=True)
    def is_live(self, obj: Terminal) -> bool:
        """Show whether it is switched on and tested."""
        return obj.is_active and obj.tested_at is not None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Leave out, for a new terminal, what its test decides."""
        return self.fields if obj else self.fields[:4]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Let only the switch be changed; moving is adding it again at its new store."""
        return self.fields[:5] if obj else ("tested_at",)

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Map a terminal, or move it."""
        return services.terminal_upsert(
            acquirer_id=data["acquirer"].pk,
            terminal_no=data["terminal_no"],
            store_id=data["store"].pk,
            merchant_no=data["merchant_no"],
            now=clock.now(),
            actor=staff_of(request),
        )

    def service_update(self, request: HttpRequest, obj: Model, changed: dict[str, Any]) -> None:
        """Switch on or off."""
        services.terminal_update(
            terminal_id=obj.pk, now=clock.now(), actor=staff_of(request), **changed
        )

    @action(
        description=_("登记验券测试"),
        icon="task_alt",
        permissions=["record_test"],
        dialog=reason_dialog(_("验券测试结果"), form_class=TerminalTestForm),
    )
    def record_test(
        self, request: HttpRequest, form: TerminalTestForm, object_id: str
    ) -> HttpResponse:
        """Record one terminal's test."""
        terminal = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: services.terminal_test_record(
                terminal_id=terminal.pk,
                passed=form.cleaned_data["passed"],
                note=form.cleaned_data["note"],
                now=clock.now(),
                actor=staff_of(request),
            ),
            _("已登记"),
        )
        return action_done(request, self.change_url(terminal))

    @action(description=_("登记所选终端验券测试通过"), permissions=["change"])
    def tests_passed(self, request: HttpRequest, queryset: QuerySet[Terminal]) -> None:
        """Record a passed test for the chosen terminals of the own region."""
        own = [
            row.pk
            for row in queryset.select_related("store")
            if self.row_is_owned(request, row, verb="change")
        ]
        perform(
            request,
            lambda: services.terminals_test_record(
                terminal_ids=own, passed=True, now=clock.now(), actor=staff_of(request)
            ),
            _("已登记 %(count)s 台终端") % {"count": len(own)},
        )
