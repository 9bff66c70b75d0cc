"""Both clocks: business time is a row, moves forward only, and production refuses a moved one."""

import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import DjangoAssertNumQueries, Settings

from config.cli.platform import platform_environment
from core import clock
from core.clock_checks import moved_clock_check
from core.embedded.paths import CHECKOUT
from core.embedded.record import ServiceUrls
from core.jobs.models import BusinessClock

NOON = datetime(2030, 3, 6, 12, tzinfo=clock.TIME_ZONE)
SECOND = timedelta(seconds=1)


@pytest.mark.django_db
def test_without_a_row_both_clocks_agree() -> None:
    before = clock.wall()
    moment = clock.now()
    after = clock.wall()
    assert before <= moment <= after
    assert moment.tzinfo == clock.TIME_ZONE
    assert clock.today() == moment.date()


@pytest.mark.django_db
def test_a_moved_clock_runs_on_from_there_and_marks_the_database() -> None:
    clock.clock_move(to=NOON)
    assert NOON <= clock.now() < NOON + 5 * SECOND
    row = BusinessClock.objects.get()
    assert (row.rate, row.moved) == (1, True)
    assert row.business_anchor == NOON


@pytest.mark.django_db
def test_a_new_database_may_begin_in_the_past_but_only_once() -> None:
    past = datetime(2026, 3, 6, 7, tzinfo=clock.TIME_ZONE)
    clock.clock_start(at=past)
    assert past <= clock.now() < past + 5 * SECOND
    with pytest.raises(ValueError, match="only goes forward"):
        clock.clock_start(at=past)


@pytest.mark.django_db
def test_the_clock_never_goes_back() -> None:
    clock.clock_move(to=NOON)
    before = BusinessClock.objects.values().get()
    with pytest.raises(ValueError, match="never goes back"):
        clock.clock_move(to=NOON - SECOND)
    assert BusinessClock.objects.values().get() == before


@pytest.mark.django_db
def test_a_frozen_clock_stands_still_and_a_fast_one_runs() -> None:
    clock.clock_move(to=NOON)
    frozen = clock.clock_rate_set(rate=0)
    assert clock.now() == clock.now() == frozen.business_anchor
    state = clock.clock_rate_set(rate=60)
    later = state.at(state.wall_anchor + SECOND)
    assert later == frozen.business_anchor + 60 * SECOND
    with pytest.raises(ValueError, match="backwards"):
        clock.clock_rate_set(rate=-1)


@pytest.mark.django_db
def test_the_row_is_read_at_most_once_in_200_ms(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = [100.0]
    monkeypatch.setattr("core.clock.monotonic_time.monotonic", lambda: ticks[0])
    with django_assert_num_queries(1):
        clock.now()
        ticks[0] += 0.19
        clock.now()
    with django_assert_num_queries(1):
        ticks[0] += 0.02
        clock.now()


@pytest.mark.django_db
def test_settings_of_production_refuse_a_moved_clock(settings: Settings) -> None:
    clock.clock_move(to=NOON)
    settings.XFQ_CLOCK_MOVABLE = False
    with pytest.raises(ImproperlyConfigured, match="was moved"):
        clock.now()
    with pytest.raises(ImproperlyConfigured, match="do not allow"):
        clock.clock_move(to=NOON + 9 * SECOND)
    assert [error.id for error in moved_clock_check(None, ["default"])] == ["xfq.E010"]
    assert "xfq.E010" in {error.id for error in run_checks(databases=["default"])}
    assert moved_clock_check(None, None) == []


def test_no_process_of_production_starts_on_a_moved_clock(own_database: ServiceUrls) -> None:
    clock.clock_move(to=NOON)
    script = (
        "import config.settings.development as settings; settings.XFQ_CLOCK_MOVABLE = False;"
        "import config.wsgi"
    )
    environment = platform_environment(own_database)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the business clock of this database was moved" in done.stderr


@pytest.mark.django_db
def test_settings_of_production_accept_a_clock_that_was_never_moved(
    settings: Settings,
) -> None:
    settings.XFQ_CLOCK_MOVABLE = False
    assert clock.now() <= clock.wall()
    assert moved_clock_check(None, ["default"]) == []


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2024-03-30T22:59:59.999999+08:00", date(2024, 3, 30)),
        ("2024-03-30T23:00:00+08:00", date(2024, 3, 31)),
        ("2024-03-30T15:00:00+00:00", date(2024, 3, 31)),
        ("2024-03-31T00:00:00+08:00", date(2024, 3, 31)),
        ("2024-12-31T23:30:00+08:00", date(2025, 1, 1)),
    ],
)
def test_the_business_date_changes_at_the_cut_off(at: str, expected: date) -> None:
    assert clock.business_date(datetime.fromisoformat(at)) == expected
