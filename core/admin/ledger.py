"""The books, read-only: accounts, entries with their postings."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core.admin.campaign_scope import CampaignFilter, CampaignScopedAdmin
from core.admin.columns import page_link, text_column, yuan_column
from core.directory import FUNDER, UNITS, directory_name
from core.ledger.models import Account, Entry, Posting

YUAN = _("金额（元）")


@admin.register(Account)
class AccountAdmin(CampaignScopedAdmin):
    """Accounts with their balances."""

    list_display = ("kind", "campaign_of", "funder_of", "unit_of", "balance")
    list_display_links = ("kind",)
    list_filter = (CampaignFilter, ("kind", ChoicesDropdownFilter))
    search_fields = ("campaign_id__exact", "funder_id__exact", "unit_id__exact")
    search_help_text = _("按活动、出资方或核算单元的编号查找")
    fields = ("kind", "campaign_of", "funder_of", "unit_of", "balance", "entries")
    readonly_fields = ("campaign_of", "funder_of", "unit_of", "balance", "entries")

    campaign_of = text_column("campaign_name", _("活动"))
    funder_of = text_column("funder_name", _("出资方"))
    unit_of = text_column("unit_name", _("核算单元（批次或收款方）"))
    balance = yuan_column("balance_fen", _("余额（元）"))

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Add the names of funder and unit."""
        rows: QuerySet[Any] = (
            super()
            .scope(request, queryset)
            .annotate(
                funder_name=directory_name("funder_id", FUNDER),
                unit_name=directory_name("unit_id", *UNITS),
            )
        )
        return rows

    @display(description=_("明细"))
    def entries(self, obj: Account) -> SafeString | str:
        """Link to the account's postings."""
        return page_link("core_posting_changelist", _("查看分录"), account=obj.pk)


class PostingInline(TabularInline):
    """The transfers of an entry."""

    model = Posting
    fields = ("funder_of", "debit_account", "credit_account", "amount")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True
    ordering = ("pk",)
    per_page = 100

    funder_of = text_column("funder_name", _("出资方"))
    amount = yuan_column("amount_fen", YUAN)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read names and accounts with the postings."""
        rows: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .select_related("debit_account", "credit_account")
            .annotate(funder_name=directory_name("funder_id", FUNDER))
        )
        return rows

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Postings are seen with their entry."""
        return request.user.has_perm("core.view_posting")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The books are append-only, and only services write them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The books are append-only."""
        return False


@admin.register(Entry)
class EntryAdmin(CampaignScopedAdmin):
    """Entries (记账凭证), the newest first."""

    list_display = ("code", "business_date", "campaign_of", "lines", "total", "at")
    list_display_links = ("code",)
    list_filter = (
        CampaignFilter,
        ("code", ChoicesDropdownFilter),
        ("business_date", RangeDateFilter),
    )
    search_fields = ("id__exact", "source_key__startswith")
    search_help_text = _("按凭证编号或来源键查找")
    fields = ("code", "campaign_of", "business_date", "at", "source_key", "lines", "total")
    readonly_fields = ("campaign_of", "lines", "total")
    inlines = (PostingInline,)
    paginator = InfinitePaginator

    campaign_of = text_column("campaign_name", _("活动"))
    lines = text_column("posting_count", _("分录数"))
    total = yuan_column("posting_total_fen", YUAN)

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Add count and total of the postings."""
        postings = Posting.objects.filter(entry=OuterRef("pk")).order_by().values("entry")
        rows: QuerySet[Any] = (
            super()
            .scope(request, queryset)
            .annotate(
                posting_count=Coalesce(Subquery(postings.annotate(n=Count("pk")).values("n")), 0),
                posting_total_fen=Coalesce(
                    Subquery(postings.annotate(fen=Sum("amount_fen")).values("fen")[:1]), 0
                ),
            )
        )
        return rows


class AccountFilter(DropdownFilter):
    """Postings of one account, chosen by the link on the account's page."""

    title = _("账户")
    parameter_name = "account"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Offer the account of the link; without one the filter is not shown."""
        chosen = self.value()
        return [(chosen, _("账户 #%(id)s") % {"id": chosen})] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the account's postings on either side; the list itself is scoped."""
        chosen = self.value() or ""
        if not chosen.isdecimal():
            return queryset.none()
        return queryset.filter(Q(debit_account=chosen) | Q(credit_account=chosen))


@admin.register(Posting)
class PostingAdmin(CampaignScopedAdmin):
    """All postings; large, so read page by page."""

    list_display = (
        "number",
        "entry_link",
        "business_date",
        "campaign_of",
        "funder_of",
        "debit_account",
        "credit_account",
        "amount",
    )
    list_filter = (
        CampaignFilter,
        AccountFilter,
        ("entry__code", ChoicesDropdownFilter),
        ("entry__business_date", RangeDateFilter),
    )
    list_select_related = ("entry", "debit_account", "credit_account")
    search_fields = ("entry__id__exact", "id__exact")
    search_help_text = _("按分录或凭证编号查找")
    ordering = ("-pk",)
    fields = (
        "entry_link",
        "campaign_of",
        "funder_of",
        "debit_account",
        "credit_account",
        "amount",
    )
    readonly_fields = ("entry_link", "campaign_of", "funder_of", "amount")
    paginator = InfinitePaginator

    campaign_of = text_column("campaign_name", _("活动"))
    funder_of = text_column("funder_name", _("出资方"))
    amount = yuan_column("amount_fen", YUAN)

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Add the funder's name."""
        rows: QuerySet[Any] = (
            super()
            .scope(request, queryset)
            .annotate(funder_name=directory_name("funder_id", FUNDER))
        )
        return rows

    @display(description=_("分录编号"), ordering="pk")
    def number(self, obj: Posting) -> str:
        """Show the number, as the audit chain counts postings."""
        return str(obj)

    @display(description=_("记账凭证"), ordering="entry")
    def entry_link(self, obj: Posting) -> SafeString | str:
        """Link to the entry."""
        return page_link("core_entry_change", obj.entry, obj.entry_id)

    @display(description=_("账务日期"), ordering="entry__business_date")
    def business_date(self, obj: Posting) -> object:
        """Show the entry's business date."""
        return obj.entry.business_date
