"""Role grants: given and taken back by services that refuse the excluded pairs."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display

from core import clock
from core.access.models import Role, RoleGrant
from core.access.services import role_grant, role_revoke
from core.admin.actions import ReasonForm, action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import button
from core.admin.filters import AutocompleteFilter, RegionFilter

IN_FORCE, ENDED, REVOKED = "in_force", "ended", "revoked"
STANDINGS = {IN_FORCE: _("有效"), ENDED: _("已到期"), REVOKED: _("已撤销")}


class StandingFilter(DropdownFilter):
    """In force or taken back."""

    title = _("状态")
    parameter_name = "standing"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        """Return the standings."""
        return list(STANDINGS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep the grants of the chosen standing; they end by real time."""
        moment = clock.wall()
        match self.value():
            case "in_force":
                return queryset.filter(revoked_at__isnull=True).exclude(valid_until__lte=moment)
            case "ended":
                return queryset.filter(revoked_at__isnull=True, valid_until__lte=moment)
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
            case _other:
                return queryset


class RoleGrantForm(forms.ModelForm):  # type: ignore[type-arg]  # no brackets at run time
    """A grant; what is refused, the service says in its own words."""

    class Meta:
        model = RoleGrant
        fields = ("user", "role", "organisation", "region", "valid_until")

    def _post_clean(self) -> None:
        # The service checks the same and more, and names the remedy.
        self.instance.validate_constraints = lambda *_args, **_options: None
        super()._post_clean()  # type: ignore[misc]  # private to Django


@admin.register(RoleGrant)
class RoleGrantAdmin(ScopedModelAdmin):
    """Who may do what where."""

    form = RoleGrantForm
    region_field = "region__code"
    list_display = (
        "user",
        "role",
        "organisation",
        "region",
        "standing",
        "granted_by",
        "granted_at",
        "valid_until",
    )
    list_filter = (
        RegionFilter,
        ("role", ChoicesDropdownFilter),
        StandingFilter,
        ("user", AutocompleteFilter),
        ("organisation", AutocompleteFilter),
    )
    list_select_related = ("user", "organisation", "region", "granted_by")
    search_fields = ("user__username", "user__display_name")
    search_help_text = _("按用户名或姓名查找")
    autocomplete_fields = ("user", "organisation", "region")
    readonly_fields = ("standing",)
    actions_detail = ("revoke",)

    has_revoke_permission = button("core.change_rolegrant", None, field="revoked_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Adding names the grant; reading also tells who gave it."""
        named = ("user", "role", "organisation", "region", "valid_until")
        if obj is None:
            return named
        return (*named, "standing", "granted_by", "granted_at", "revoked_at")

    def service_create(self, request: HttpRequest, data: dict[str, Any]) -> RoleGrant:
        """Give the role."""
        return role_grant(
            user=data["user"],
            role=Role(data["role"]),
            organisation=data["organisation"],
            region=data["region"],
            valid_until=data["valid_until"],
            actor=staff_of(request),
            now=clock.now(),
        )

    @display(
        description=_("状态"),
        label={
            STANDINGS[IN_FORCE]: "success",
            STANDINGS[ENDED]: "warning",
            STANDINGS[REVOKED]: "danger",
        },
    )
    def standing(self, obj: RoleGrant) -> Any:
        """Tell whether the grant is in force."""
        if obj.revoked_at is not None:
            return STANDINGS[REVOKED]
        if obj.valid_until is not None and obj.valid_until <= clock.wall():
            return STANDINGS[ENDED]
        return STANDINGS[IN_FORCE]

    @action(
        description=_("撤销授权"),
        permissions=["revoke"],
        dialog=reason_dialog(_("撤销授权"), description=_("撤销后立即生效，不可恢复，可重新授权")),
        icon="person_remove",
    )
    def revoke(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Take the role back."""
        grant = self.object_or_404(request, object_id, verb="change")
        perform(
            request,
            lambda: role_revoke(
                grant=grant,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("授权已撤销"),
        )
        return action_done(request, self.change_url(grant))
