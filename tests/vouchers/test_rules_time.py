"""Validity and hours of use: the published examples to the second, and a naive oracle."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.clock import TIME_ZONE
from vouchers.rules.model import UseHours, Validity
from vouchers.rules.use_hours import next_usable, usable_at
from vouchers.rules.validity import validity_window

NEVER = datetime(2099, 1, 1, tzinfo=TIME_ZONE)
MINUTE = timedelta(minutes=1)
DAY_MINUTES = 24 * 60
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


def naive_until(rule: Validity, claimed: datetime) -> datetime:
    """Find the end by walking: hour by hour, or midnight by midnight."""
    at = claimed
    midnight = claimed.replace(hour=0, minute=0, second=0, microsecond=0)
    match rule.mode:
        case "HOURS":
            if rule.starts == "NEXT_DAY":
                at = midnight + timedelta(days=1)
            for _ in range(rule.value):
                at += timedelta(minutes=60)
            return at
        case "MONTH_END":
            while midnight.month == claimed.month:
                midnight += timedelta(days=1)
            return midnight
        case "ROUND_END":
            assert rule.fixed_from is not None
            at = rule.fixed_from
            while True:
                for _ in range(rule.value):
                    at += timedelta(days=1)
                if claimed < at:
                    return at
    crossed = {"CLAIM_DAY": 1, "NATURAL_DAYS": rule.value}.get(rule.mode, rule.value + 1)
    for _ in range(crossed):
        midnight += timedelta(days=1)
    return midnight


MOMENTS = st.integers(0, 5 * 366 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=TIME_ZONE) + timedelta(seconds=seconds)
)
COUNTED = st.builds(
    Validity,
    mode=st.sampled_from(["HOURS", "NATURAL_DAYS", "NATURAL_DAYS_FROM_NEXT"]),
    value=st.integers(1, 400),
    starts=st.sampled_from(["CLAIM", "NEXT_DAY"]),
)
ROUNDS = st.builds(
    Validity,
    mode=st.just("ROUND_END"),
    value=st.integers(1, 40),
    fixed_from=st.dates(date(2023, 12, 1), date(2025, 1, 1)).map(
        lambda day: datetime(day.year, day.month, day.day, tzinfo=TIME_ZONE)
    ),
)
CALENDAR = st.sampled_from([Validity(mode="CLAIM_DAY"), Validity(mode="MONTH_END")])


@given(rule=COUNTED | ROUNDS | CALENDAR, claimed=MOMENTS, life=st.integers(1, 900))
@example(Validity(mode="MONTH_END"), moment("2024-02-29T23:59:59"), 900)
def test_any_rule_ends_where_the_oracle_walks_to(
    rule: Validity, claimed: datetime, life: int
) -> None:
    ends = claimed + timedelta(days=life)
    _, until = validity_window(rule, claimed_at=claimed, campaign_ends_at=ends)
    assert until == min(naive_until(rule, claimed), ends)


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


def naive_usable(hours: tuple[UseHours, ...], at: datetime) -> bool:
    """Look at the minute of the day and the weekdays of today and yesterday."""

    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    today, yesterday = at.isoweekday(), (at - timedelta(days=1)).isoweekday()
    now = at.hour * 60 + at.minute
    for one in hours:
        days = one.weekdays or range(1, 8)
        opens, closes = minutes(one.opens), minutes(one.closes)
        if closes > opens and today in days and opens <= now < closes:
            return True
        if closes <= opens and (
            (today in days and now >= opens) or (yesterday in days and now < closes)
        ):
            return True
    return not hours


CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 30, 59]))
HOURS = st.lists(
    st.builds(
        UseHours,
        opens=CLOCK,
        closes=CLOCK | st.just("24:00"),
        weekdays=st.lists(st.integers(1, 7), max_size=3, unique=True).map(tuple),
    ),
    max_size=3,
).map(tuple)


@settings(deadline=None, max_examples=50)  # it walks over a week minute by minute
@given(hours=HOURS, at=MOMENTS)
def test_hours_of_use_agree_with_the_minute_of_the_day(
    hours: tuple[UseHours, ...], at: datetime
) -> None:
    at = at.replace(second=0, microsecond=0)
    assert usable_at(hours, at) == naive_usable(hours, at)
    found = next_usable(hours, at, NEVER)
    walked = next(
        at + number * MINUTE
        for number in range(8 * DAY_MINUTES)
        if naive_usable(hours, at + number * MINUTE)
    )
    assert found == walked
