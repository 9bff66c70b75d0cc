"""The audit log and its chain, read-only; verifying the chain is an action."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, F, Q, QuerySet, TextField, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from core.access.roles import grants_permitting
from core.access.scope import scope_condition
from core.admin.actions import action_done
from core.admin.audit_content import content_lines
from core.admin.base import ScopedModelAdmin
from core.admin.columns import page_link, text_column
from core.admin.details import lines_shown
from core.admin.filters import AutocompleteFilter, RegionFilter
from core.admin.platform_scope import PlatformAdmin, sees_platform
from core.admin.regions import region_column
from core.admin.values import AuditActionFilter, SubjectTypeFilter
from core.admin.words import action_words, subject_words
from core.approvals.visibility import approvals_withheld
from core.audit.models import AuditEvent, AuditLink
from core.audit.services import audit_chain_verify


@admin.register(AuditEvent)
class AuditEventAdmin(ScopedModelAdmin):
    """What people and the system did."""

    list_display = (
        "at",
        "action_name",
        "actor_name",
        "subject_name",
        "subject_id",
        "region",
        "why",
    )
    list_display_links = ("at",)
    list_filter = (
        RegionFilter,
        AuditActionFilter,
        SubjectTypeFilter,
        ("actor", AutocompleteFilter),
        ("at", RangeDateFilter),
    )
    list_select_related = ("actor",)
    search_fields = ("subject_id__exact",)
    search_help_text = _("按对象编号查找")
    fields = (
        "action_name",
        "actor",
        "subject_name",
        "subject_id",
        "region",
        "why",
        "content",
        "at",
        "recorded_at",
        "link",
    )
    readonly_fields = ("action_name", "subject_name", "region", "why", "content", "link")
    paginator = InfinitePaginator

    why = text_column("reason_shown", _("理由"))
    region = region_column("owner_region", _("归属地区"))

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Show what no region owns (the system's own acts) to those who watch a province."""
        grants = grants_permitting(request.user, "core.view_auditevent")
        condition = scope_condition(grants, self.scope_fields())
        if condition is None:
            return queryset.none()
        if sees_platform(request.user, "core.view_auditevent"):
            condition |= Q(owner_region="")
        # A reason why somebody is under control is not for everybody who watches the log.
        withheld = approvals_withheld(request.user, path="data__kind")
        shown: Any = F("reason")
        if withheld is not None:
            instead = Value(gettext("（无权查看该事项的理由）"))
            shown = Case(When(withheld, then=instead), default=shown, output_field=TextField())
        rows: QuerySet[Any] = queryset.filter(condition).annotate(reason_shown=shown)
        return rows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse to filter by the reason: what is withheld is not to be guessed either."""
        return not lookup.startswith("reason") and super().lookup_allowed(lookup, value, request)

    @display(description=_("操作"), ordering="action")
    def action_name(self, obj: AuditEvent) -> str:
        """Say what was done."""
        return action_words(obj.action)

    @display(description=_("对象类型"), ordering="subject_type")
    def subject_name(self, obj: AuditEvent) -> str:
        """Say what kind of row it was done to."""
        return subject_words(obj.subject_type)

    @display(description=_("操作人"), ordering="actor")
    def actor_name(self, obj: AuditEvent) -> str:
        """Show who it was; without a person it was the system."""
        return str(obj.actor) if obj.actor else gettext("系统")

    @display(description=_("内容"))
    def content(self, obj: AuditEvent) -> SafeString | str:
        """Show what is kept with it, in words."""
        return lines_shown(content_lines(obj))

    @display(description=_("审计链"))
    def link(self, obj: AuditEvent) -> SafeString | str:
        """Link to the event's place in the chain, once it is chained."""
        chained = AuditLink.objects.filter(event=obj).first()
        if chained is None:
            return gettext("尚未入链")
        return page_link("core_auditlink_change", chained, chained.pk)


@admin.register(AuditLink)
class AuditLinkAdmin(PlatformAdmin):
    """The chain: no content of any region, hashes only."""

    list_display = ("seq", "covers", "short_digest", "short_chained")
    list_display_links = ("seq",)
    list_select_related = ("event",)
    search_fields = ("seq__exact",)
    search_help_text = _("按序号查找")
    fields = ("seq", "covers", "digest", "previous", "chained")
    readonly_fields = ("covers",)
    paginator = InfinitePaginator
    actions_list = ("verify",)

    @display(description=_("覆盖内容"))
    def covers(self, obj: AuditLink) -> str:
        """Tell what the link covers."""
        if obj.event_id is not None:
            return gettext("审计事件 %(id)s") % {"id": obj.event_id}
        return gettext("分录，截至 #%(id)s") % {"id": obj.postings_until}

    @display(description=_("内容摘要"))
    def short_digest(self, obj: AuditLink) -> str:
        """Show the first characters of the digest."""
        return obj.digest[:16]

    @display(description=_("链摘要"))
    def short_chained(self, obj: AuditLink) -> str:
        """Show the first characters of the chained hash."""
        return obj.chained[:16]

    @action(description=_("验证审计链"), permissions=["core.view_auditlink"], icon="verified")
    def verify(self, request: HttpRequest) -> HttpResponse:
        """Recompute every link and say whether the chain is whole."""
        broken = audit_chain_verify()
        if broken is None:
            messages.success(
                request, _("审计链完整，共 %(count)s 环") % {"count": AuditLink.objects.count()}
            )
        else:
            messages.error(request, _("审计链在第 %(seq)s 环断裂") % {"seq": broken})
        return action_done(request, self.list_url())
