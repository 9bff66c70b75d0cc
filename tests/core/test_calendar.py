"""Working days of the official calendar."""

from datetime import date

import pytest

from core.calendar import (
    CalendarYearUnknownError,
    add_natural_days,
    add_working_days,
    is_working_day,
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2024, 4, 3), True),  # Wednesday before Qingming
        (date(2024, 4, 4), False),  # 清明节
        (date(2024, 4, 7), True),  # a Sunday worked instead (调休)
        (date(2024, 4, 6), False),  # Saturday of the holiday
        (date(2025, 10, 11), True),  # a Saturday worked instead
    ],
)
def test_make_up_days_and_holidays(day: date, expected: bool) -> None:
    assert is_working_day(day) is expected


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2024, 4, 3), 1, date(2024, 4, 7)),
        (date(2024, 4, 3), 2, date(2024, 4, 8)),
        (date(2024, 4, 4), 1, date(2024, 4, 7)),
        (date(2024, 3, 29), 1, date(2024, 4, 1)),
        (date(2024, 4, 4), 0, date(2024, 4, 4)),
    ],
)
def test_t_plus_n_counts_working_days(day: date, count: int, expected: date) -> None:
    assert add_working_days(day, count) == expected


def test_d_plus_n_counts_every_day() -> None:
    assert add_natural_days(date(2024, 2, 28), 2) == date(2024, 3, 1)


def test_an_unknown_year_is_an_error_not_a_guess() -> None:
    with pytest.raises(CalendarYearUnknownError, match="2199") as caught:
        add_working_days(date(2199, 5, 5), 1)
    assert caught.value.day == date(2199, 5, 6)
    with pytest.raises(ValueError, match="forward"):
        add_working_days(date(2024, 4, 4), -1)
