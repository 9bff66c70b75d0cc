"""Members of staff: made, switched off and given passwords by services; rights are role grants."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import (
    password_validators_help_text_html,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminPasswordWidget

from core import clock
from core.access.models import RoleGrant, User
from core.access.services import user_create, user_set_active, user_set_password
from core.admin.actions import ReasonForm, action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.columns import page_link
from core.admin.filters import AutocompleteFilter, RegionFilter

# Rights come from role grants alone (core.access.backend), so groups would only mislead.
admin.site.unregister(Group)


def _password_field(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        help_text=help_text,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class TwoPasswords(forms.Form):
    """The same password twice, checked by the site's validators."""

    password1 = _password_field(_("密码"))
    password2 = _password_field(_("再次输入密码"))

    def clean(self) -> dict[str, Any]:
        """Compare and validate."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        first, second = data.get("password1"), data.get("password2")
        if first and second and first != second:
            raise ValidationError({"password2": _("两次输入的密码不一致")})
        if first:
            try:
                validate_password(first, User(username=data.get("username", "")))
            except ValidationError as error:
                raise ValidationError({"password1": error.messages}) from error
        return data


class UserAddForm(TwoPasswords, forms.ModelForm):  # type: ignore[type-arg]  # no brackets at run time
    """A new member of staff."""

    class Meta:
        model = User
        fields = ("username", "display_name", "organisation")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for what the model leaves optional; say what a password must be."""
        super().__init__(*args, **kwargs)
        for name in ("display_name", "organisation"):
            self.fields[name].required = True
        self.fields["password1"].help_text = password_validators_help_text_html()


class PasswordDialogForm(TwoPasswords, BaseDialogForm):
    """A dialog for a new password."""


@admin.register(User)
class UserAdmin(ScopedModelAdmin):
    """Members of staff of the own region's organisations."""

    region_field = "organisation__region__code"
    list_display = ("username", "display_name", "organisation", "roles", "is_active", "last_login")
    list_filter = (RegionFilter, ("organisation", AutocompleteFilter), "is_active")
    list_select_related = ("organisation__region",)
    search_fields = ("username", "display_name")
    search_help_text = _("按用户名或姓名查找")
    fields = (
        "username",
        "display_name",
        "organisation",
        "is_active",
        "grants_link",
        "date_joined",
        "last_login",
    )
    readonly_fields = ("grants_link",)
    autocomplete_fields = ("organisation",)
    add_fieldsets = (
        (None, {"fields": ("username", "display_name", "organisation", "password1", "password2")}),
    )
    ordering = ("username",)
    actions_detail = ("set_password", "switch_off", "switch_on")

    has_switch_off_permission = button("core.change_user", True, field="is_active")
    has_switch_on_permission = button("core.change_user", False, field="is_active")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the grants of a page in one query."""
        return super().get_queryset(request).prefetch_related("grants")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Adding asks for a password, reading does not show one."""
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        """Use the form with passwords for adding."""
        if obj is None:
            kwargs["form"] = UserAddForm
        return super().get_form(request, obj, change=change, **kwargs)

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> User:
        """Make the member of staff, without any role."""
        return user_create(
            username=data["username"],
            display_name=data["display_name"],
            organisation=data["organisation"],
            password=data["password1"],
            actor=staff_of(request),
            now=clock.now(),
        )

    @display(description=_("角色"))
    def roles(self, obj: User) -> str:
        """List the roles in force."""
        held = [grant for grant in obj.grants.all() if grant.revoked_at is None]
        return "、".join(dict.fromkeys(grant.get_role_display() for grant in held))

    @display(description=_("角色授权"))
    def grants_link(self, obj: User) -> SafeString | str:
        """Link to the grants."""
        count = RoleGrant.objects.filter(user=obj, revoked_at__isnull=True).count()
        text = _("%(count)s 项有效授权") % {"count": count}
        return page_link("core_rolegrant_changelist", text, user__id__exact=obj.pk)

    @action(
        description=_("重设密码"),
        permissions=["core.change_user"],
        dialog=reason_dialog(_("重设密码"), form_class=PasswordDialogForm),
        icon="key",
    )
    def set_password(
        self, request: HttpRequest, form: PasswordDialogForm, object_id: str
    ) -> HttpResponse:
        """Give a member of staff a new password; his sessions end."""
        user = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: user_set_password(
                user=user,
                password=form.cleaned_data["password1"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("密码已重设，请以安全方式告知本人"),
        )
        return action_done(request, self.change_url(user))

    @action(
        description=_("停用"),
        permissions=["switch_off"],
        dialog=reason_dialog(_("停用工作人员")),
        icon="person_off",
    )
    def switch_off(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Switch a member of staff off."""
        return self._switch(request, form, object_id, is_active=False)

    @action(
        description=_("启用"),
        permissions=["switch_on"],
        dialog=reason_dialog(_("启用工作人员")),
        icon="person_check",
    )
    def switch_on(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Switch a member of staff on again."""
        return self._switch(request, form, object_id, is_active=True)

    def _switch(
        self, request: HttpRequest, form: ReasonForm, object_id: str, *, is_active: bool
    ) -> HttpResponse:
        user = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: user_set_active(
                user=user,
                is_active=is_active,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已启用") if is_active else _("已停用"),
        )
        return action_done(request, self.change_url(user))
