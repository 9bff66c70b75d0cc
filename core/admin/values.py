"""Filters over the values a text column holds, without reading a large table for them."""

from __future__ import annotations  # ModelAdmin takes no brackets at run time

from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from core.admin.words import action_words, job_kind_words, subject_words
from core.screening.rules import rule_title

# One index look-up per distinct value; without a fitting index the limit of rows keeps it short.
_DISTINCT = """
    WITH sample AS (SELECT {column} AS value FROM {table} ORDER BY id DESC LIMIT 20000)
    SELECT DISTINCT value FROM sample WHERE value <> '' ORDER BY value LIMIT 200"""


class RecentValuesFilter(DropdownFilter):
    """The values that the newest 20,000 rows hold; any other value can be given in the address."""

    column: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the values."""
        names = connections["default"].ops.quote_name
        sql = _DISTINCT.format(
            column=names(self.column), table=names(model_admin.model._meta.db_table)
        )
        with connections["default"].cursor() as cursor:
            cursor.execute(sql)
            return [(value, self.words(value)) for (value,) in cursor.fetchall()]

    def words(self, value: str) -> str:
        """Say a value for the reader."""
        return value

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows with the chosen value."""
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class AuditActionFilter(RecentValuesFilter):
    """What was done."""

    title = _("操作")
    parameter_name = "did"
    column = "action"

    def words(self, value: str) -> str:
        """Say what was done."""
        return action_words(value)


class SubjectTypeFilter(RecentValuesFilter):
    """What it was done to."""

    title = _("对象类型")
    parameter_name = "subject"
    column = "subject_type"

    def words(self, value: str) -> str:
        """Say what kind of row it is."""
        return subject_words(value)


class TopicFilter(RecentValuesFilter):
    """Topics of events."""

    title = _("主题")
    parameter_name = "topic"
    column = "topic"


class ConsumerFilter(RecentValuesFilter):
    """Consumers of events."""

    title = _("消费者")
    parameter_name = "consumer"
    column = "consumer"


class TickJobFilter(RecentValuesFilter):
    """Scheduled jobs."""

    title = _("计划任务")
    parameter_name = "job"
    column = "job"


class JobKindFilter(RecentValuesFilter):
    """Kinds of jobs."""

    title = _("任务类型")
    parameter_name = "kind"
    column = "kind"

    def words(self, value: str) -> str:
        """Say what the kind does."""
        return job_kind_words(value)


class RuleFilter(RecentValuesFilter):
    """Screening rules."""

    title = _("规则")
    parameter_name = "rule"
    column = "rule"

    def words(self, value: str) -> str:
        """Say the rule's name."""
        return rule_title(value)
