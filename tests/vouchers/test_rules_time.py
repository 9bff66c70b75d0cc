"""Validity and hours of use: the published examples to the second."""

from datetime import datetime

import pytest

from core.clock import TIME_ZONE
from vouchers.rules.model import UseHours, Validity
from vouchers.rules.use_hours import next_usable, usable_at
from vouchers.rules.validity import validity_window

NEVER = datetime(2099, 1, 1, tzinfo=TIME_ZONE)
FIRST_ROUND = datetime(2025, 12, 28, tzinfo=TIME_ZONE)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TIME_ZONE)


@pytest.mark.parametrize(
    ("rule", "claimed", "until"),
    [
        (Validity(mode="HOURS", value=72), "2024-02-09T08:00:05", "2024-02-12T08:00:05"),
        (Validity(mode="NATURAL_DAYS", value=7), "2020-02-13T10:00", "2020-02-20T00:00"),
        (Validity(mode="NATURAL_DAYS_FROM_NEXT", value=7), "2025-06-13T20:00", "2025-06-21T00:00"),
        (Validity(mode="CLAIM_DAY"), "2024-08-23T09:00", "2024-08-24T00:00"),
        (Validity(mode="MONTH_END"), "2025-02-22T10:00", "2025-03-01T00:00"),
        (Validity(mode="MONTH_END"), "2025-12-31T23:59:59", "2026-01-01T00:00"),
        # Shijingshan 2026: rounds of seven days from 2025-12-28.
        (
            Validity(mode="ROUND_END", value=7, fixed_from=FIRST_ROUND),
            "2025-12-28T10:00",
            "2026-01-04T00:00",
        ),
        (
            Validity(mode="ROUND_END", value=7, fixed_from=FIRST_ROUND),
            "2026-01-04T00:00",
            "2026-01-11T00:00",
        ),
    ],
)
def test_published_ends_of_validity(rule: Validity, claimed: str, until: str) -> None:
    window = validity_window(rule, claimed_at=moment(claimed), campaign_ends_at=NEVER)
    assert window == (moment(claimed), moment(until))


def test_the_end_of_the_campaign_caps_every_mode() -> None:
    """Guangxi 2024: 72 h from 03-30 09:00, the campaign ends 03-31 24:00."""
    ends = moment("2024-04-01T00:00")
    modes = (
        Validity(mode="HOURS", value=72),
        Validity(mode="NATURAL_DAYS", value=7),
        Validity(mode="NATURAL_DAYS_FROM_NEXT", value=7),
        Validity(mode="ROUND_END", value=7, fixed_from=moment("2024-03-29T00:00")),
        Validity(mode="CAMPAIGN_END"),
    )
    for rule in modes:
        _, until = validity_window(
            rule, claimed_at=moment("2024-03-30T09:00"), campaign_ends_at=ends
        )
        assert until == ends, rule.mode


def test_friday_evening_and_its_edges() -> None:
    hours = (UseHours(opens="18:00", closes="24:00", weekdays=(5,)),)
    assert not usable_at(hours, moment("2026-03-06T17:59:59"))
    assert usable_at(hours, moment("2026-03-06T18:00"))
    assert usable_at(hours, moment("2026-03-06T23:59:59"))
    assert not usable_at(hours, moment("2026-03-07T00:00"))
    opens = moment("2026-03-06T18:00")
    assert next_usable(hours, moment("2026-03-05T12:00"), NEVER) == opens
    assert next_usable(hours, moment("2026-03-05T12:00"), opens) is None


def test_a_night_belongs_to_the_day_it_begins_on() -> None:
    night = (UseHours(opens="22:00", closes="02:00", weekdays=(7,)),)
    assert usable_at(night, moment("2026-03-08T23:00"))  # a Sunday
    assert usable_at(night, moment("2026-03-09T01:59:59"))
    assert not usable_at(night, moment("2026-03-09T02:00"))
    assert not usable_at(night, moment("2026-03-08T01:00"))
