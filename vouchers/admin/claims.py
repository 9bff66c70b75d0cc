"""Claims and vouchers: facts, read page by page, found by voucher code or request number."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core import clock
from core.admin.base import ScopedModelAdmin
from core.admin.columns import lines_block, page_link, yuan_column, yuan_grouped
from core.admin.filters import RegionFilter, ScopedRelatedFilter
from vouchers.history import VoucherEvent, voucher_history
from vouchers.models import Claim, Voucher
from vouchers.selectors import voucher_state
from vouchers.states import VoucherState

STATE_LABELS = {
    "ACTIVE": "success",
    "HELD": "warning",
    "REDEEMED": "info",
    "EXPIRED": "info",
    "VOIDED": "danger",
    "FROZEN": "danger",
}


@admin.register(Claim)
class ClaimAdmin(ScopedModelAdmin):
    """领取记录: append-only."""

    list_display = ("at", "batch", "client", "units", "idempotency_key", "business_date")
    list_filter = (
        RegionFilter,
        ("batch", ScopedRelatedFilter),
        ("client", ScopedRelatedFilter),
        ("business_date", RangeDateFilter),
    )
    list_select_related = ("batch", "client")
    search_fields = ("idempotency_key__exact", "id__exact", "enrolment__id__exact")
    search_help_text = _("按请求流水号、领取编号或渠道用户编号查找")
    fields = (
        ("batch", "units"),
        ("client", "idempotency_key"),
        ("at", "business_date"),
        ("enrolment_link", "entry_link"),
        "vouchers_link",
    )
    paginator = InfinitePaginator

    @display(description=_("渠道用户"))
    def enrolment_link(self, obj: Claim) -> SafeString | str:
        """Link to the account."""
        return page_link("vouchers_enrolment_change", obj.enrolment, obj.enrolment_id)

    @display(description=_("记账凭证"))
    def entry_link(self, obj: Claim) -> SafeString | str:
        """Link to the entry."""
        return page_link("core_entry_change", obj.entry, obj.entry_id)

    @display(description=_("消费券"))
    def vouchers_link(self, obj: Claim) -> SafeString | str:
        """Link to the vouchers issued."""
        return page_link("vouchers_voucher_changelist", _("查看消费券"), claim__id__exact=obj.pk)


@admin.register(Voucher)
class VoucherAdmin(ScopedModelAdmin):
    """消费券: the state shown follows ``valid_until``, the stored one follows by the sweep."""

    list_display = (
        "code",
        "batch",
        "face",
        "state_label",
        "client",
        "issued_at",
        "valid_from",
        "valid_until",
    )
    list_filter = (
        RegionFilter,
        ("batch", ScopedRelatedFilter),
        ("client", ScopedRelatedFilter),
        ("state", ChoicesDropdownFilter),
        ("issued_at", RangeDateFilter),
        ("valid_until", RangeDateFilter),
    )
    list_select_related = ("batch", "client")
    search_fields = ("code__exact", "id__exact", "claim__id__exact", "enrolment__id__exact")
    search_help_text = _("按券码、券编号、领取编号或渠道用户编号查找")
    fields = (
        ("code", "shown_state"),
        ("batch", "number"),
        ("face", "shares"),
        ("client", "issued_at"),
        ("valid_from", "valid_until"),
        ("rules_link", "claim_link"),
        "history",
    )
    paginator = InfinitePaginator
    face = yuan_column("face_fen", _("面额（元）"))

    @display(description=_("状态"), ordering="state", label=STATE_LABELS)
    def state_label(self, obj: Voucher) -> tuple[str, Any]:
        """Show the state as the holder sees it."""
        state = voucher_state(obj, now=clock.now())
        return state, VoucherState(state).label

    @display(description=_("状态"))
    def shown_state(self, obj: Voucher) -> str:
        """Show the state as the holder sees it, on the voucher's page."""
        return str(self.state_label(obj)[1])

    @display(description=_("各方出资（元）"))
    def shares(self, obj: Voucher) -> str:
        """Show the parts in the order of the batch's funders."""
        return " + ".join(map(yuan_grouped, obj.parts))

    @display(description=_("规则版本"))
    def rules_link(self, obj: Voucher) -> SafeString | str:
        """Link to the rules it was issued under."""
        return page_link("vouchers_batchversion_change", obj.batch_version, obj.batch_version_id)

    @display(description=_("领取记录"))
    def claim_link(self, obj: Voucher) -> SafeString | str:
        """Link to the claim."""
        return page_link("vouchers_claim_change", obj.claim, obj.claim_id)

    @display(description=_("经过"))
    def history(self, obj: Voucher) -> SafeString | str:
        """Show what happened to it, in order."""
        return lines_block([_event_words(event) for event in voucher_history(obj, now=clock.now())])


def _event_words(event: VoucherEvent) -> str:
    parts = [
        f"{event.at.astimezone(clock.TIME_ZONE):%Y-%m-%d %H:%M:%S}",
        str(event.text),
        yuan_grouped(event.amount_fen),
        event.place,
        event.reference,
    ]
    return " · ".join(part for part in parts if part)
