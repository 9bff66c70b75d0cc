"""Systems that call the API, and their signing keys; a secret is shown once, at issue."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from core import clock
from core.access.models import Client, ClientKey
from core.access.operations import OPERATIONS, USUAL_OPERATIONS
from core.access.services import (
    IssuedKey,
    client_create,
    client_key_issue,
    client_key_revoke,
    client_key_rotate,
    client_update,
)
from core.admin.actions import (
    ReasonForm,
    action_done,
    error_text,
    perform,
    reason_dialog,
    staff_of,
)
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.filters import AutocompleteFilter, RegionFilter
from core.admin.regions import region_column
from core.errors import DomainError

KEY_LABELS = {_("有效"): "success", _("已吊销"): "danger"}


class ClientForm(forms.ModelForm):  # type: ignore[type-arg]  # no brackets at run time
    """A client; its allow-list is a choice of the operations there are."""

    operations = forms.MultipleChoiceField(
        label=_("允许的接口"),
        choices=[(name, f"{title}（{name}）") for name, title in OPERATIONS.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("未勾选的一律拒绝；新建时留空则按类型给予常用接口"),
    )

    class Meta:
        model = Client
        fields = ("name", "code", "kind", "organisation", "operations")


class IssueForm(BaseDialogForm):
    """Which algorithm the new key signs with."""

    algorithm = forms.ChoiceField(
        label=_("签名算法"),
        choices=ClientKey.Algorithm.choices,
        widget=UnfoldAdminSelectWidget,
    )


class ClientKeyInline(TabularInline):
    """The keys of a client; no secret among them."""

    model = ClientKey
    fields = ("key_id", "algorithm", "created_at", "revoked_at")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are issued by the action."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are revoked by the action."""
        return False


@admin.register(Client)
class ClientAdmin(ScopedModelAdmin):
    """Channel apps, terminals, desks."""

    form = ClientForm
    list_display = ("name", "code", "kind", "organisation", "region", "is_active")
    list_filter = (
        RegionFilter,
        ("kind", ChoicesDropdownFilter),
        ("organisation", AutocompleteFilter),
        "is_active",
    )
    list_select_related = ("organisation",)
    search_fields = ("name", "code")
    search_help_text = _("按接入方名称或代码查找")
    autocomplete_fields = ("organisation",)
    inlines = (ClientKeyInline,)
    actions_detail = ("issue_key", "rotate_key")

    region = region_column("owner_region", _("归属地区"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the fields of the page."""
        named = ("name", "code", "kind", "organisation", "operations")
        rates = ("rate_per_minute", "person_rate_per_minute")
        return (*named, *rates) if obj is None else (*named, *rates, "is_active", "region")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Identity and owner stay as they were made."""
        return () if obj is None else ("code", "kind", "organisation", "region")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A new client has no keys yet."""
        return super().get_inlines(request, obj) if obj is not None else ()

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> Client:
        """Make the client, without keys."""
        chosen = data.pop("operations") or USUAL_OPERATIONS[data["kind"]]
        return client_create(**data, operations=chosen, actor=staff_of(request), now=clock.now())

    def service_update(self, request: HttpRequest, obj: Any, changed: dict[str, Any]) -> None:
        """Change allow-list, rates, name, or switch it on or off."""
        client_update(client=obj, **changed, actor=staff_of(request), now=clock.now())

    @action(
        description=_("签发密钥"),
        permissions=["core.add_clientkey"],
        dialog=reason_dialog(
            _("签发密钥"),
            description=_("密钥只显示这一次，请备好接收方"),
            form_class=IssueForm,
        ),
        icon="vpn_key",
    )
    def issue_key(self, request: HttpRequest, form: IssueForm, object_id: str) -> HttpResponse:
        """Issue a key and show its secret once."""
        client = self.object_or_404(request, object_id, verb="change")
        algorithm = ClientKey.Algorithm(form.cleaned_data["algorithm"])
        return self._show_once(
            request,
            client,
            lambda: client_key_issue(
                client=client, algorithm=algorithm, actor=staff_of(request), now=clock.now()
            ),
        )

    @action(
        description=_("轮换密钥"),
        permissions=["core.add_clientkey"],
        dialog=reason_dialog(
            _("轮换密钥"),
            description=_("签发新密钥；旧密钥继续有效，对方换用后再吊销"),
            form_class=BaseDialogForm,
        ),
        icon="sync",
    )
    def rotate_key(
        self, request: HttpRequest, form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        """Issue the successor of the newest key and show its secret once."""
        client = self.object_or_404(request, object_id, verb="change")
        return self._show_once(
            request,
            client,
            lambda: client_key_rotate(client=client, actor=staff_of(request), now=clock.now()),
        )

    def _show_once(
        self, request: HttpRequest, client: Client, issue: Callable[[], IssuedKey]
    ) -> HttpResponse:
        try:
            issued = issue()
        except DomainError as error:
            messages.error(request, error_text(error))
            return action_done(request, self.change_url(client))
        context = {
            **self.admin_site.each_context(request),
            "title": _("新密钥"),
            "issued": issued,
            "client": client,
            "back_url": self.change_url(client),
        }
        in_dialog = bool(request.headers.get("HX-Request"))
        template = "core/admin/secret_dialog.html" if in_dialog else "core/admin/secret_page.html"
        response = render(request, template, context)
        # Nowhere kept: not by the browser, not by a proxy, not in the session.
        response["Cache-Control"] = "no-store"
        if in_dialog:
            response["HX-Retarget"] = response["HX-Reselect"] = "#dialog"
            response["HX-Reswap"] = "outerHTML"
        return response


@admin.register(ClientKey)
class ClientKeyAdmin(ScopedModelAdmin):
    """Signing keys, without their secrets."""

    region_field = "client__owner_region"
    list_display = ("key_id", "client", "algorithm", "standing", "created_at", "revoked_at")
    list_filter = (RegionFilter, ("client", AutocompleteFilter))
    list_select_related = ("client",)
    search_fields = ("key_id", "client__code", "client__name")
    search_help_text = _("按密钥编号或接入方查找")
    fields = ("key_id", "client", "algorithm", "standing", "created_at", "revoked_at")
    readonly_fields = ("standing",)
    actions_detail = ("revoke",)

    has_revoke_permission = button("core.revoke_clientkey", None, field="revoked_at")

    @display(description=_("状态"), label=KEY_LABELS)
    def standing(self, obj: ClientKey) -> Any:
        """Tell whether the key signs."""
        return _("有效") if obj.revoked_at is None else _("已吊销")

    @action(
        description=_("吊销密钥"),
        permissions=["revoke"],
        dialog=reason_dialog(_("吊销密钥"), description=_("一秒内对所有进程生效，不可恢复")),
        icon="key_off",
    )
    def revoke(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Revoke the key for good."""
        key = self.object_or_404(request, object_id, verb="revoke")
        perform(
            request,
            lambda: client_key_revoke(
                key=key,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("密钥已吊销"),
        )
        return action_done(request, self.change_url(key))
