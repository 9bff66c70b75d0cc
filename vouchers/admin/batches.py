"""Batches with their counters and switches, their frozen rules, and the limits of campaigns."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from campaigns.models import Funder
from core import clock
from core.admin.actions import action_done, perform, reason_dialog, staff_of
from core.admin.base import ScopedModelAdmin
from core.admin.buttons import row_of
from core.admin.columns import json_column, lines_block, page_link, yuan_column
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from core.clock import TIME_ZONE
from core.money import yuan_text
from vouchers.models import Batch, BatchVersion, CapUse, Limit
from vouchers.naming import scope_names
from vouchers.rules.caps import cap_rows
from vouchers.rules.model import rules_read
from vouchers.rules.words import rules_words
from vouchers.services.switches import batch_switch_off, batch_switch_on_request

CAP_USES_SHOWN = 14


def rules_block(rules: Any, face_fen: int) -> SafeString | str:
    """Show frozen rules in words."""
    read = rules_read(rules)
    return lines_block(rules_words(read, face_fen=face_fen, names=scope_names([read])))


def _cap_use(use: CapUse) -> str:
    """Say a window and what is used of what."""
    units = _("%(used)s / %(most)s 份") % {
        "used": use.used_units,
        "most": "-" if use.most_units is None else use.most_units,
    }
    amount = _("%(used)s / %(most)s 元") % {
        "used": yuan_text(use.used_fen),
        "most": "-" if use.most_fen is None else yuan_text(use.most_fen),
    }
    start, end = (moment.astimezone(TIME_ZONE) for moment in (use.window_start, use.window_end))
    return f"{start:%Y-%m-%d} – {end:%Y-%m-%d}：{units}，{amount}"


def _switch(action_name: str, side: str, *, on: bool) -> Any:
    def is_shown(admin_class: Any, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(action_name):
            return False
        if object_id is None:
            return True
        row = row_of(admin_class, request, object_id)
        if row is None or not admin_class.row_is_owned(request, row):
            return False
        return bool(getattr(row, f"{side}_on")) is not on

    return is_shown


@admin.register(Batch)
class BatchAdmin(ScopedModelAdmin):
    """券批次: face, funders, counters; what it allows is switched off by one, on by two."""

    covers_field = "campaign__regions"
    organisation_field = "campaign__fundings__funder__organisation_id"
    scope_many = True
    list_display = (
        "name",
        "campaign",
        "kind",
        "face",
        "planned_units",
        "released",
        "issued",
        "returned_units",
        "claims_on",
        "redemptions_on",
    )
    list_filter = (
        RegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("kind", ChoicesDropdownFilter),
        "claims_on",
        "redemptions_on",
    )
    list_select_related = ("campaign",)
    search_fields = ("name", "code", "campaign__title")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("campaign", "code"),
                    ("name", "kind"),
                    ("face", "shares"),
                    ("claims_on", "redemptions_on"),
                    ("planned_units", "returned_units"),
                    ("released", "issued"),
                    ("version_link", "releases_link"),
                    "cap_uses",
                )
            },
        ),
        (_("规则"), {"fields": ("rules",)}),
    )
    actions_detail = ("claims_off", "claims_restart", "redemptions_off", "redemptions_restart")
    has_claims_off_permission = _switch("vouchers.pause_batch", "claims", on=False)
    has_claims_restart_permission = _switch("vouchers.restart_batch", "claims", on=True)
    has_redemptions_off_permission = _switch("vouchers.pause_batch", "redemptions", on=False)
    has_redemptions_restart_permission = _switch("vouchers.restart_batch", "redemptions", on=True)
    face = yuan_column("face_fen", _("面额（元）"))

    @display(description=_("出资比例"))
    def shares(self, obj: Batch) -> str:
        """Show the funders by name with their weights."""
        names = dict(Funder.objects.filter(pk__in=obj.funder_ids).values_list("pk", "name"))
        pairs = zip(obj.funder_ids, obj.weights, strict=True)
        return " : ".join(f"{names[funder_id]} {weight}" for funder_id, weight in pairs)

    @display(description=_("生效规则版本"))
    def version_link(self, obj: Batch) -> SafeString | str:
        """Link to the frozen rules."""
        if obj.version is None:
            return "-"
        return page_link("vouchers_batchversion_change", obj.version, obj.version_id)

    @display(description=_("投放"))
    def releases_link(self, obj: Batch) -> SafeString | str:
        """Link to the waves."""
        return page_link("vouchers_quotarelease_changelist", _("查看投放"), batch__id__exact=obj.pk)

    @display(description=_("投放上限使用"))
    def cap_uses(self, obj: Batch) -> SafeString | str:
        """Show what all people together have claimed of each cap, the newest windows first."""
        rules = rules_read(obj.version.rules) if obj.version else None
        codes = [row.code for row in cap_rows(obj.code, rules)] if rules else []
        if not codes:
            return "-"
        limits = Limit.objects.filter(campaign_id=obj.campaign_id, code__in=codes)
        uses = CapUse.objects.filter(limit_id__in=limits.values("pk")).order_by("-window_start")
        return lines_block([_cap_use(use) for use in uses[:CAP_USES_SHOWN]])

    @display(description=_("规则"))
    def rules(self, obj: Batch) -> SafeString | str:
        """Show the rules in force in words."""
        return rules_block(obj.version.rules, obj.face_fen) if obj.version else "-"

    @action(
        description=_("停止领取"),
        icon="pause_circle",
        variant=ActionVariant.WARNING,
        permissions=["claims_off"],
        dialog=reason_dialog(_("停止本批次领取"), description=_("恢复须两人")),
    )
    def claims_off(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Stop claims."""
        return self._change(request, form, object_id, batch_switch_off, "claims")

    @action(
        description=_("申请恢复领取"),
        icon="play_circle",
        permissions=["claims_restart"],
        dialog=reason_dialog(_("申请恢复本批次领取")),
    )
    def claims_restart(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Ask to allow claims again."""
        return self._change(request, form, object_id, batch_switch_on_request, "claims")

    @action(
        description=_("停止核销"),
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        permissions=["redemptions_off"],
        dialog=reason_dialog(_("停止本批次核销"), description=_("恢复须两人")),
    )
    def redemptions_off(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Stop redemptions."""
        return self._change(request, form, object_id, batch_switch_off, "redemptions")

    @action(
        description=_("申请恢复核销"),
        icon="play_circle",
        permissions=["redemptions_restart"],
        dialog=reason_dialog(_("申请恢复本批次核销")),
    )
    def redemptions_restart(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Ask to allow redemptions again."""
        return self._change(request, form, object_id, batch_switch_on_request, "redemptions")

    def _change(
        self, request: HttpRequest, form: Any, object_id: str, service: Any, side: str
    ) -> HttpResponse:
        batch = self.object_or_404(request, object_id)
        perform(
            request,
            lambda: service(
                batch_id=batch.pk,
                side=side,
                reason=form.cleaned_data["reason"],
                actor=staff_of(request),
                now=clock.now(),
            ),
            _("已停止") if service is batch_switch_off else _("已提交，待另一人复核"),
        )
        return action_done(request, self.change_url(batch))


@admin.register(BatchVersion)
class BatchVersionAdmin(ScopedModelAdmin):
    """批次规则版本: the rules as one approved version froze them."""

    region_field = "batch__owner_region"
    covers_field = "batch__campaign__regions"
    list_display = ("batch", "campaign_of", "number")
    list_filter = (RegionFilter, ("batch__campaign", ScopedRelatedFilter))
    list_select_related = ("batch__campaign", "version")
    search_fields = ("batch__name", "batch__code", "batch__campaign__title")
    fields = ("batch", "campaign_of", "version_link", "words", "rules_text")
    rules_text = json_column("rules", _("规则原文"))

    @display(description=_("活动"), ordering="batch__campaign__title")
    def campaign_of(self, obj: BatchVersion) -> str:
        """Show the campaign."""
        return str(obj.batch.campaign)

    @display(description=_("版本号"), ordering="version__number")
    def number(self, obj: BatchVersion) -> int:
        """Show the number of the version."""
        return obj.version.number

    @display(description=_("方案版本"))
    def version_link(self, obj: BatchVersion) -> SafeString | str:
        """Link to the approved version."""
        return page_link("campaigns_version_change", obj.version, obj.version_id)

    @display(description=_("规则"))
    def words(self, obj: BatchVersion) -> SafeString | str:
        """Show the rules in words."""
        return rules_block(obj.rules, obj.batch.face_fen)


@admin.register(Limit)
class LimitAdmin(ScopedModelAdmin):
    """限领限用规则: what counts together; how many is in the rules of each batch."""

    region_field = "campaign__owner_region"
    covers_field = "campaign__regions"
    list_display = ("code", "campaign", "side")
    list_filter = (
        RegionFilter,
        ("campaign", ScopedRelatedFilter),
        ("side", ChoicesDropdownFilter),
    )
    list_select_related = ("campaign",)
    search_fields = ("code", "campaign__title")
    fields = ("campaign", "code", "side")
