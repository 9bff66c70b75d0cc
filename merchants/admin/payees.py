"""Payees: history of accounts, changed by closing the old one."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display

from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.filters import AutocompleteFilter, RegionFilter, ScopedRelatedFilter
from core.admin.regions import region_column
from merchants import services
from merchants.admin.forms import PayeeChangeForm, PayeeForm
from merchants.models import Payee


@admin.register(Payee)
class PayeeAdmin(ScopedModelAdmin):
    """收款方: only the last four digits of an account are known here."""

    organisation_field = "acquirer__organisation_id"
    form = PayeeForm
    list_display = (
        "merchant_no",
        "merchant",
        "acquirer",
        "account_name",
        "account_tail",
        "region",
        "valid_from",
        "valid_until",
        "is_current",
    )
    list_filter = (
        ("acquirer", ScopedRelatedFilter),
        RegionFilter,
        ("valid_until", admin.EmptyFieldListFilter),
        ("valid_from", RangeDateTimeFilter),
        ("merchant", AutocompleteFilter),
    )
    list_select_related = ("acquirer", "merchant")
    search_fields = ("merchant_no", "merchant__name", "merchant__uscc", "account_name")
    autocomplete_fields = ("acquirer", "merchant")
    fields = (
        "acquirer",
        "merchant",
        "merchant_no",
        "account_name",
        "account_tail",
        "region",
        "valid_from",
        "valid_until",
    )
    add_fields = ("acquirer", "merchant", "merchant_no", "account_name", "account")
    actions_detail = ("change_account",)
    has_change_account_permission = button("merchants.change_payee")
    region = region_column("owner_region", _("归属地区"))

    @display(description=_("当前"), boolean=True)
    def is_current(self, obj: Payee) -> bool:
        """Show whether this account is paid now."""
        return obj.valid_until is None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Ask for the account of a new payee only."""
        return self.fields if obj else self.add_fields

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Use the form with the account for a new payee only."""
        if obj is not None:
            kwargs["form"] = ModelForm
        return super().get_form(request, obj, change=change, **kwargs)

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Model:
        """Register the first account of a merchant number."""
        return services.payee_set(
            acquirer_id=data["acquirer"].pk,
            merchant_id=data["merchant"].pk,
            merchant_no=data["merchant_no"],
            account_name=data["account_name"],
            account=data["account"],
            now=clock.now(),
            actor=staff_of(request),
        )

    @action(
        description=_("变更收款账号"),
        icon="account_balance",
        permissions=["change_account"],
        dialog=reason_dialog(
            _("变更收款账号"),
            description=_("原账号停用并保留历史；付款前 72 小时内的变更会进入风控核查"),
            form_class=PayeeChangeForm,
        ),
    )
    def change_account(
        self, request: HttpRequest, form: PayeeChangeForm, object_id: str
    ) -> HttpResponse:
        """Close the account and open another one."""
        payee = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: services.payee_set(
                acquirer_id=payee.acquirer_id,
                merchant_id=payee.merchant_id,
                merchant_no=payee.merchant_no,
                account_name=form.cleaned_data["account_name"],
                account=form.cleaned_data["account"],
                reason=form.cleaned_data["reason"],
                now=clock.now(),
                actor=staff_of(request),
            ),
            _("已变更"),
        )
        return action_done(request, self.list_url())
