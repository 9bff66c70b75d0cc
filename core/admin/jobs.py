"""Long work with its files, scheduled ticks, the business clock: all read-only."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from core import clock
from core.admin.base import ScopedModelAdmin
from core.admin.columns import json_column, page_link
from core.admin.filters import AutocompleteFilter, RegionFilter
from core.admin.platform_scope import PlatformAdmin
from core.admin.regions import region_column
from core.admin.values import JobKindFilter, TickJobFilter
from core.admin.words import file_role_words
from core.jobs.models import BusinessClock, Job, JobFile, ScheduledTick

JOB_LABELS = {"QUEUED": "info", "RUNNING": "warning", "DONE": "success", "FAILED": "danger"}
UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)
REFRESH_S = 3
TICK_LABELS = {"CLAIMED": "warning", "DONE": "success", "FAILED": "danger"}


def _download(file: JobFile) -> SafeString:
    url = reverse("job-file", args=(file.pk,))
    return format_html('<a class="xfq-link" href="{}">{}</a>', url, _("下载"))


class JobFileInline(TabularInline):
    """The files of a job; every download is recorded."""

    model = JobFile
    fields = ("name", "purpose", "size", "sha256", "created_at", "download")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True

    @display(description=_("用途"))
    def purpose(self, obj: JobFile) -> str:
        """Say what the file is."""
        return file_role_words(obj.role)

    @display(description=_("下载"))
    def download(self, obj: JobFile) -> SafeString:
        """Link to the file."""
        return _download(obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Jobs write their files."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Files do not change."""
        return False


@admin.register(Job)
class JobAdmin(ScopedModelAdmin):
    """Imports, reports, reconciliations: how far they are and what they wrote."""

    organisation_field = "created_by__organisation"
    list_display = ("title", "status", "progress", "region", "created_by", "created_at")
    list_display_links = ("title",)
    list_filter = (
        RegionFilter,
        ("state", ChoicesDropdownFilter),
        JobKindFilter,
        ("created_by", AutocompleteFilter),
        ("created_at", RangeDateFilter),
    )
    list_select_related = ("created_by",)
    search_fields = ("title", "id__exact")
    search_help_text = _("按标题或任务编号查找")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "title",
                    ("status", "progress"),
                    "message",
                    ("region", "created_by"),
                    "created_at",
                    ("started_at", "finished_at"),
                )
            },
        ),
        (_("技术信息"), {"fields": ("outcome", "settings"), "classes": ("collapse",)}),
    )
    readonly_fields = ("status", "progress", "outcome", "settings", "region")
    inlines = (JobFileInline,)

    region = region_column("owner_region", _("归属地区"))
    outcome = json_column("result", _("结果"))
    settings = json_column("params", _("参数"))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Let the page of a job that is not finished load itself again."""
        response = super().changeform_view(request, object_id, form_url, extra_context)
        job = Job.objects.filter(pk=object_id, state__in=UNFINISHED) if object_id else None
        if job is not None and job.exists():
            response["Refresh"] = str(REFRESH_S)
        return response

    @display(description=_("状态"), ordering="state", label=JOB_LABELS)
    def status(self, obj: Job) -> tuple[str, str]:
        """Show the state with its colour."""
        return obj.state, obj.get_state_display()

    @display(description=_("进度"))
    def progress(self, obj: Job) -> str:
        """Show how far it is."""
        if not obj.total:
            return f"{obj.done:,}" if obj.done else "-"
        return f"{obj.done:,} / {obj.total:,}（{obj.done * 100 // obj.total}%）"


@admin.register(JobFile)
class JobFileAdmin(ScopedModelAdmin):
    """All files of jobs in scope."""

    region_field = "job__owner_region"
    organisation_field = "job__created_by__organisation"
    list_display = ("name", "purpose", "job_link", "size", "created_at", "download")
    list_filter = (RegionFilter, ("created_at", RangeDateFilter))
    list_select_related = ("job",)
    search_fields = ("name", "job__title")
    search_help_text = _("按文件名或任务标题查找")
    ordering = ("-pk",)
    fields = ("name", "purpose", "job_link", "size", "sha256", "created_at", "download")
    readonly_fields = ("purpose", "job_link", "download")

    @display(description=_("任务"), ordering="job")
    def job_link(self, obj: JobFile) -> SafeString | str:
        """Link to the job."""
        return page_link("core_job_change", obj.job, obj.job_id)

    @display(description=_("用途"))
    def purpose(self, obj: JobFile) -> str:
        """Say what the file is."""
        return file_role_words(obj.role)

    @display(description=_("下载"))
    def download(self, obj: JobFile) -> SafeString:
        """Link to the file; the download is recorded."""
        return _download(obj)


@admin.register(ScheduledTick)
class ScheduledTickAdmin(PlatformAdmin):
    """Which scheduled runs were made, once each."""

    list_display = ("job", "tick_at", "status", "attempts", "claimed_at", "finished_at")
    list_display_links = ("job",)
    list_filter = (
        TickJobFilter,
        ("state", ChoicesDropdownFilter),
        ("tick_at", RangeDateFilter),
    )
    search_fields = ("job__startswith",)
    search_help_text = _("按计划任务名称查找")
    fields = ("job", "tick_at", "status", "attempts", "claimed_at", "finished_at", "outcome")
    readonly_fields = ("status", "outcome")
    paginator = InfinitePaginator

    outcome = json_column("detail", _("结果"))

    @display(description=_("状态"), ordering="state", label=TICK_LABELS)
    def status(self, obj: ScheduledTick) -> tuple[str, str]:
        """Show the state with its colour."""
        return obj.state, obj.get_state_display()


@admin.register(BusinessClock)
class BusinessClockAdmin(PlatformAdmin):
    """Business time; without a row it is real time."""

    list_display = ("present", "rate", "moved", "business_anchor", "wall_anchor")
    list_display_links = ("present",)
    fields = ("present", "rate", "moved", "business_anchor", "wall_anchor")
    readonly_fields = ("present",)

    @display(description=_("当前业务时间"))
    def present(self, obj: BusinessClock) -> str:
        """Show what business time it is."""
        return f"{clock.now():%Y-%m-%d %H:%M:%S}"
