"""Events and their deliveries; what is parked is put back to work here."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from core import clock
from core.admin.actions import ReasonForm, action_done, perform, reason_dialog, staff_of
from core.admin.buttons import button
from core.admin.columns import json_column, page_link
from core.admin.export import export_csv, export_xlsx
from core.admin.platform_scope import PlatformAdmin
from core.admin.values import ConsumerFilter, TopicFilter
from core.outbox.models import Delivery, OutboxEvent
from core.outbox.services import delivery_replay

STATE_LABELS = {"PENDING": "info", "ACKNOWLEDGED": "success", "PARKED": "danger"}
REPLAY = _("由管理员在列表中重新投递")


class DeliveryInline(TabularInline):
    """What became of an event at each consumer."""

    model = Delivery
    fields = ("consumer", "state", "attempts", "run_at", "acknowledged_at", "last_error")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deliveries are made with their event."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deliveries are moved by workers and by replay."""
        return False


@admin.register(OutboxEvent)
class OutboxEventAdmin(PlatformAdmin):
    """Events; technical rows without persons or regions, for the system's administrators."""

    list_display = ("id", "topic", "aggregate_type", "aggregate_id", "at", "recorded_at")
    list_display_links = ("id", "topic")
    list_filter = (TopicFilter, ("at", RangeDateFilter))
    search_fields = ("aggregate_id__exact", "event_id__exact")
    search_help_text = _("按对象或事件编号查找")
    ordering = ("-pk",)
    fields = ("event_id", "topic", "aggregate_type", "aggregate_id", "at", "recorded_at", "content")
    readonly_fields = ("content",)
    inlines = (DeliveryInline,)
    paginator = InfinitePaginator

    content = json_column("payload", _("内容"))


@admin.register(Delivery)
class DeliveryAdmin(PlatformAdmin):
    """Deliveries: pending, acknowledged, parked."""

    list_display = ("id", "event_link", "consumer", "status", "attempts", "run_at", "last_error")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ConsumerFilter,
        ("run_at", RangeDateFilter),
    )
    list_select_related = ("event",)
    search_fields = ("event__aggregate_id__exact", "event__event_id__exact")
    search_help_text = _("按对象或事件编号查找")
    ordering = ("-pk",)
    fields = (
        "event_link",
        "consumer",
        "state",
        "attempts",
        "run_at",
        "acknowledged_at",
        "last_error",
    )
    readonly_fields = ("event_link",)
    paginator = InfinitePaginator
    actions: Any = (export_xlsx, export_csv, "replay_selected")
    actions_detail = ("replay",)

    @display(description=_("事件"), ordering="event")
    def event_link(self, obj: Delivery) -> SafeString | str:
        """Link to the event."""
        return page_link("core_outboxevent_change", obj.event, obj.event_id)

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def status(self, obj: Delivery) -> tuple[str, str]:
        """Show the state with its colour."""
        return obj.state, obj.get_state_display()

    has_replay_one_permission = button("core.replay_delivery", Delivery.State.PARKED)

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Replaying has a permission of its own."""
        return request.user.has_perm("core.replay_delivery")

    @action(description=_("重新投递所选（仅已搁置的）"), permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Put the parked ones among the selected rows back to work."""
        ids = list(queryset.values_list("pk", flat=True)[:10_000])
        count = delivery_replay(
            ids=ids, actor=staff_of(request), reason=str(REPLAY), now=clock.now()
        )
        messages.success(request, _("已重新投递 %(count)s 条") % {"count": count})

    @action(
        description=_("重新投递"),
        permissions=["replay_one"],
        dialog=reason_dialog(_("重新投递")),
        icon="replay",
    )
    def replay(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Put one parked delivery back to work."""
        delivery = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: delivery_replay(
                ids=[delivery.pk],
                actor=staff_of(request),
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            ),
            _("已重新投递"),
        )
        return action_done(request, self.change_url(delivery))
