"""Merchants and their known people; suspension, resumption, removal; the import of a list."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.details import VALUES
from core.admin.filters import AutocompleteFilter, RegionFilter
from core.admin.regions import region_column
from merchants import services
from merchants.admin.counts import rows_of
from merchants.admin.forms import MerchantForm, ReasonedForm
from merchants.admin.imports import import_page
from merchants.models import Merchant, MerchantStaff, Store

STATE_LABELS = {"ACTIVE": "success", "SUSPENDED": "warning", "REMOVED": "danger"}


@admin.register(Merchant)
class MerchantAdmin(ScopedModelAdmin):
    """商户: registered and changed by its bureau; seen where it has a store."""

    store_region_field = "stores__region_code"
    organisation_field = "payees__acquirer__organisation_id"
    scope_many = True
    form = MerchantForm
    list_display = (
        "name",
        "uscc",
        "industry",
        "mcc",
        "tier",
        "region",
        "store_count",
        "commitment_on",
        "state_label",
    )
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        ("industry", ChoicesDropdownFilter),
        ("tier", ChoicesDropdownFilter),
        ("brand", AutocompleteFilter),
    )
    search_fields = ("name", "uscc")
    autocomplete_fields = ("brand",)
    fields = (
        "uscc",
        "name",
        "brand",
        "mcc",
        "industry",
        "tier",
        "owner_region",
        "region",
        "commitment_on",
        "state",
    )
    actions_detail = ("suspend", "resume", "remove")
    actions_list = ("import_list",)
    has_suspend_permission = button("merchants.change_merchant", "ACTIVE")
    has_resume_permission = button("merchants.approve_merchant", "SUSPENDED")
    has_remove_permission = button("merchants.approve_merchant", "ACTIVE", "SUSPENDED")
    region = region_column("owner_region", _("归属地区"))

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: Merchant) -> tuple[str, str]:
        """Show the state in its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("门店数"), ordering="stores_n")
    def store_count(self, obj: Any) -> int:
        """Show the number of stores."""
        return int(obj.stores_n)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the stores of each merchant with the list."""
        rows: QuerySet[Any] = (
            super().get_queryset(request).annotate(stores_n=rows_of(Store, "merchant"))
        )
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep identity, owner and state, which have their own ways of changing."""
        return ("uscc", "region", "state") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Leave out, for a new merchant, what follows from the rest; name the region of one."""
        hidden = ("owner_region",) if obj else ("state", "industry", "region")
        return tuple(name for name in self.fields if name not in hidden)

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Register a merchant."""
        return services.merchant_upsert(**data, now=clock.now(), actor=staff_of(request))

    def service_update(self, request: HttpRequest, obj: Model, changed: dict[str, Any]) -> None:
        """Change details."""
        services.merchant_update(
            merchant_id=obj.pk, now=clock.now(), actor=staff_of(request), **changed
        )

    @action(
        description=_("暂停"),
        icon="pause_circle",
        variant=ActionVariant.WARNING,
        permissions=["suspend"],
        dialog=reason_dialog(_("暂停商户"), description=_("其门店不能再占用消费券，退款不受影响")),
    )
    def suspend(self, request: HttpRequest, form: ReasonedForm, object_id: str) -> HttpResponse:
        """Suspend a merchant: one person with a reason."""
        merchant = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: services.merchant_suspend(
                merchant_id=merchant.pk,
                reason=form.cleaned_data["reason"],
                now=clock.now(),
                actor=staff_of(request),
            ),
            _("已暂停"),
        )
        return action_done(request, self.change_url(merchant))

    @action(
        description=_("恢复"),
        icon="play_circle",
        permissions=["resume"],
        dialog=reason_dialog(_("恢复商户")),
    )
    def resume(self, request: HttpRequest, form: ReasonedForm, object_id: str) -> HttpResponse:
        """Resume a suspended merchant: by a checker."""
        merchant = self.object_or_404(request, object_id, verb="approve")
        perform(
            request,
            lambda: services.merchant_resume(
                merchant_id=merchant.pk,
                reason=form.cleaned_data["reason"],
                now=clock.now(),
                actor=staff_of(request),
            ),
            _("已恢复"),
        )
        return action_done(request, self.change_url(merchant))

    @action(
        description=_("清退"),
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["remove"],
        dialog=reason_dialog(_("清退商户"), description=_("清退后不可恢复；已发生的交易仍可退款")),
    )
    def remove(self, request: HttpRequest, form: ReasonedForm, object_id: str) -> HttpResponse:
        """Remove a merchant for good: by a checker."""
        merchant = self.object_or_404(request, object_id, verb="approve")
        perform(
            request,
            lambda: services.merchant_remove(
                merchant_id=merchant.pk,
                reason=form.cleaned_data["reason"],
                now=clock.now(),
                actor=staff_of(request),
            ),
            _("已清退"),
        )
        return action_done(request, self.change_url(merchant))

    @csrf_exempt  # the page itself checks the token, after it has chosen where uploads go
    @action(
        description=_("导入收单机构商户表"),
        icon="upload_file",
        url_path="import",
        permissions=["merchants.import_merchant"],
    )
    def import_list(self, request: HttpRequest) -> HttpResponse:
        """Upload an acquirer's list; its job reports what became of it."""
        return import_page(self, request)


@admin.register(MerchantStaff)
class MerchantStaffAdmin(ScopedModelAdmin):
    """商户关联人员: hashed identifiers, shown masked; from the import."""

    region_field = "merchant__owner_region"
    list_display = ("masked", "position", "merchant", "store", "key_kind_name", "valid_until")
    list_filter = (
        RegionFilter,
        ("position", ChoicesDropdownFilter),
        ("merchant", AutocompleteFilter),
    )
    list_select_related = ("merchant", "store")
    search_fields = ("merchant__name", "merchant__uscc", "masked__endswith")
    search_help_text = _("按商户名称、统一社会信用代码或掩码尾号查找")
    fields = ("merchant", "store", "position", "key_kind_name", "masked", "valid_until")

    @display(description=_("标识种类"), ordering="key_kind")
    def key_kind_name(self, obj: MerchantStaff) -> str:
        """Say what the identifier is of."""
        return str(VALUES.get(obj.key_kind, obj.key_kind))
