"""Recurring releases (周期, domain-rules §3): rules of whole days, inside the campaign."""

from datetime import date, datetime
from typing import Any

import pytest

from campaigns.definition.document import definition_build
from core.clock import TIME_ZONE
from tests.campaigns.test_definition_files import problems
from tests.factories.definitions import document_make
from vouchers.definition.recurrence import recurrence_problems, recurring_days

pytestmark = pytest.mark.django_db


def calendar(rrule: str, **changes: Any) -> dict[str, Any]:
    """Return a document of half a year whose first batch opens by a rule."""
    document = document_make(ends_at="2026-09-01T00:00:00+08:00")
    batch = document["batches"][0]
    batch.pop("releases")
    batch["calendar"] = {"times": ["10:00"], "units": 100, "rrule": rrule, **changes}
    return document


def slots(document: dict[str, Any]) -> list[datetime]:
    batch = definition_build(document).values["batches"][0]
    return [release.slot.astimezone(TIME_ZONE) for release in batch.releases]


def test_the_eighteenth_of_each_month() -> None:
    found = slots(calendar("FREQ=MONTHLY;BYMONTHDAY=18"))
    assert [(slot.month, slot.day, slot.hour) for slot in found] == [
        (month, 18, 10) for month in range(3, 9)
    ]
    units = definition_build(calendar("FREQ=MONTHLY;BYMONTHDAY=18")).values["batches"][0].releases
    assert [release.units for release in units] == [17, 17, 17, 17, 16, 16]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;COUNT=3", [date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 8)]),
        ("FREQ=WEEKLY;BYDAY=TH;COUNT=2", [date(2026, 3, 12), date(2026, 3, 19)]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;COUNT=2", [date(2026, 3, 6), date(2026, 3, 20)]),
        ("FREQ=MONTHLY;BYDAY=-1SU;COUNT=2", [date(2026, 3, 29), date(2026, 4, 26)]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", [date(2026, 3, 31), date(2026, 4, 30)]),
        ("FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1,2", [date(2026, 5, 1), date(2026, 5, 2)]),
    ],
)
def test_rules_and_their_days(rule: str, days: list[date]) -> None:
    assert list(recurrence_problems(rule)) == []
    assert sorted(recurring_days(rule, date(2026, 3, 6), date(2026, 8, 31))) == days


def test_weekdays_dates_and_a_rule_add_up() -> None:
    document = calendar("FREQ=MONTHLY;BYMONTHDAY=18;COUNT=1", dates=["2026-04-01", "2026-03-18"])
    assert [slot.date() for slot in slots(document)] == [date(2026, 3, 18), date(2026, 4, 1)]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=SECONDLY", "应写明 FREQ=DAILY、WEEKLY、MONTHLY 或 YEARLY，各项不重复"),
        ("BYMONTHDAY=18", "应写明 FREQ=DAILY、WEEKLY、MONTHLY 或 YEARLY，各项不重复"),
        ("FREQ=DAILY;FREQ=DAILY", "应写明 FREQ=DAILY、WEEKLY、MONTHLY 或 YEARLY，各项不重复"),
        ("FREQ=DAILY;BYHOUR=1,2,3", "此处不能使用 BYHOUR"),
        ("FREQ=DAILY;UNTIL=20260401", "此处不能使用 UNTIL"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL 应在 1 至 366 之间，且不为 0"),
        ("FREQ=DAILY;INTERVAL=1,2", "INTERVAL 应在 1 至 366 之间，且不为 0"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY 应在 -31 至 31 之间，且不为 0"),
        ("FREQ=WEEKLY;BYDAY=18", "BYDAY 应为星期代码，如 MO,FR"),
    ],
)
def test_a_rule_of_no_whole_days_is_refused(rule: str, reason: str) -> None:
    assert ("batches[0].calendar.rrule", reason) in problems(calendar(rule))


@pytest.mark.parametrize(
    "rule", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=1"]
)
def test_a_rule_that_never_fires_in_the_campaign_is_refused(rule: str) -> None:
    assert problems(calendar(rule)) == [("batches[0].calendar", "活动期间内没有投放日")]
