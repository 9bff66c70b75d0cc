"""Log-in attempts (axes) and Celery's schedule, read-only, in the platform's own look.

The schedule is written by ``schedules_sync`` from what the rooms register, so it is not edited.
"""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.contrib.filters.admin import RangeDateFilter

from core.admin.platform_scope import PlatformAdmin

for _model in (
    AccessAttempt,
    AccessFailureLog,
    AccessLog,
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(PlatformAdmin):
    """Failed log-ins that count towards a lock-out."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    list_filter = (("attempt_time", RangeDateFilter),)
    search_fields = ("username__exact", "ip_address__exact")
    search_help_text = _("按用户名或地址查找")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "failures_since_start")


@admin.register(AccessLog)
class AccessLogAdmin(PlatformAdmin):
    """Log-ins and log-outs."""

    list_display = ("attempt_time", "username", "ip_address", "logout_time")
    list_filter = (("attempt_time", RangeDateFilter),)
    search_fields = ("username__exact", "ip_address__exact")
    search_help_text = _("按用户名或地址查找")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "logout_time")


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(PlatformAdmin):
    """What Celery beat sends, and when it did last."""

    list_display = ("name", "task", "queue", "interval", "enabled", "last_run_at")
    list_filter = ("enabled",)
    list_select_related = ("interval",)
    search_fields = ("name", "task")
    fields = ("name", "task", "queue", "interval", "enabled", "last_run_at", "total_run_count")
