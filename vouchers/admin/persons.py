"""Accounts of people, their identity keys and what they used of limits; masked, never raw."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.passages import moment_words
from vouchers.models import (
    Enrolment,
    EnrolmentKey,
    IdentityHash,
    IdentityKey,
    Limit,
    LimitUse,
)
from vouchers.rules.limits import counts_groups

USES_SHOWN = 100


class KeyInline(TabularInline):
    """The keys an account carries."""

    model = EnrolmentKey
    hide_title = True
    fields = ("kind", "key", "valid_from", "valid_until")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Seen with the account."""
        return request.user.has_perm("vouchers.view_enrolmentkey")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys come from the channels."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys come from the channels."""
        return False


@admin.register(Enrolment)
class EnrolmentAdmin(ScopedModelAdmin):
    """渠道用户: one account in one channel, with the limits its keys have used."""

    list_display = ("person", "client", "level", "created_at", "updated_at")
    list_filter = (
        RegionFilter,
        ("client", ScopedRelatedFilter),
        ("level", ChoicesDropdownFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("client",)
    search_fields = ("id__exact", "external_id__exact")
    search_help_text = _("按用户编号或渠道用户号查找")
    fields = (
        ("person", "client"),
        ("level",),
        ("created_at", "updated_at"),
        "vouchers_link",
        "limit_uses",
    )
    inlines = (KeyInline,)
    paginator = InfinitePaginator

    @display(description=_("用户编号"), ordering="pk")
    def person(self, obj: Enrolment) -> str:
        """Show the number the channels know."""
        return str(obj)

    @display(description=_("消费券"))
    def vouchers_link(self, obj: Enrolment) -> SafeString | str:
        """Link to the wallet."""
        return page_link(
            "vouchers_voucher_changelist", _("查看消费券"), enrolment__id__exact=obj.pk
        )

    @display(description=_("限额使用"))
    def limit_uses(self, obj: Enrolment) -> SafeString | str:
        """Show what the account's current keys have used, the newest windows first."""
        keys = dict(obj.keys.filter(valid_until__isnull=True).values_list("key_id", "kind"))
        uses = list(
            LimitUse.objects.filter(key_id__in=keys).order_by(
                "-window_start", "limit_id", "key_id"
            )[:USES_SHOWN]
        )
        if not uses:
            return "-"
        codes = dict(
            Limit.objects.filter(pk__in={use.limit_id for use in uses}).values_list("pk", "code")
        )
        labels = dict(EnrolmentKey._meta.get_field("kind").flatchoices)
        rows = (
            (
                codes.get(use.limit_id, use.limit_id),
                labels[keys[use.key_id]],
                moment_words(use.window_start),
                f"{use.used} / {use.cap}",
            )
            for use in uses
            if not counts_groups(codes.get(use.limit_id, ""))
        )
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        return format_html(
            '<div class="xfq-table-box"><table class="xfq-table"><thead><tr>'
            "<th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead>"
            "<tbody>{}</tbody></table></div>",
            _("限制"),
            _("标识"),
            _("窗口起点"),
            _("已用 / 上限"),
            body,
        )


@admin.register(EnrolmentKey)
class EnrolmentKeyAdmin(ScopedModelAdmin):
    """用户标识: which key an account carried when."""

    region_field = "enrolment__owner_region"
    list_display = ("enrolment", "kind", "key", "valid_from", "valid_until")
    list_filter = (RegionFilter, ("kind", ChoicesDropdownFilter), ("valid_from", RangeDateFilter))
    list_select_related = ("enrolment", "key")
    search_fields = ("enrolment__id__exact", "key__id__exact")
    fields = ("enrolment", "kind", "key", "valid_from", "valid_until")
    paginator = InfinitePaginator


@admin.register(IdentityKey)
class IdentityKeyAdmin(ScopedModelAdmin):
    """身份标识: one document, mobile, device or card, masked."""

    region_field = "enrolments__enrolment__owner_region"
    scope_many = True
    list_display = ("kind", "masked")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("id__exact", "masked__exact")
    fields = ("kind", "masked")
    paginator = InfinitePaginator

    def row_is_owned(
        self, request: HttpRequest, obj: Any, *, verb: str = "", action: str = ""
    ) -> bool:
        """A key belongs to many accounts; nobody changes it here."""
        return False


@admin.register(IdentityHash)
class IdentityHashAdmin(ScopedModelAdmin):
    """身份标识摘要: which pepper versions a key is hashed under; the hash itself is not shown."""

    region_field = "key__enrolments__enrolment__owner_region"
    scope_many = True
    list_display = ("key", "kind", "pepper_version")
    list_filter = (("kind", ChoicesDropdownFilter), "pepper_version")
    list_select_related = ("key",)
    search_fields = ("key__id__exact",)
    fields = ("key", "kind", "pepper_version")
    paginator = InfinitePaginator

    def row_is_owned(
        self, request: HttpRequest, obj: Any, *, verb: str = "", action: str = ""
    ) -> bool:
        """A key belongs to many accounts; nobody changes it here."""
        return False
