"""Moments read quickly are the moments Django reads."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import Format

from core.moments import OID

pytestmark = pytest.mark.django_db
MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 2, tzinfo=UTC).replace(tzinfo=None),
    max_value=datetime(9999, 12, 30, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.just(UTC),
)


def read(text: str, zone: str = "UTC") -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
        cursor.execute("SELECT %s::timestamptz", [text])
        (moment,) = cursor.fetchone()
        assert isinstance(moment, datetime)
        return moment


def test_every_connection_reads_quickly() -> None:
    connection.ensure_connection()
    loader = connection.connection.adapters.get_loader(OID, Format.TEXT)
    assert getattr(loader, "is_quick", False)


@given(moment=MOMENTS)
def test_a_moment_comes_back_as_it_was_written(moment: datetime) -> None:
    found = read(moment.isoformat())
    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Asia/Kolkata"])
def test_a_session_in_another_zone_is_read_as_django_does(zone: str) -> None:
    found = read("2026-03-01T10:00:00.25+00:00", zone)
    loader = connection.connection.adapters.get_loader(OID, Format.TEXT)
    slow = loader.__mro__[1](OID, connection.connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz::text", ["2026-03-01T10:00:00.25+00:00"])
        (spelt,) = cursor.fetchone()
    assert not spelt.endswith("+00")
    assert found == slow.load(spelt.encode())
    assert found.tzinfo is UTC


@pytest.mark.parametrize("text", ["infinity", "-infinity", "44-03-15 BC", "10000-01-01"])
def test_what_python_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        read(text)


def test_nothing_is_lost_below_a_millisecond() -> None:
    late = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(microseconds=1)
    assert read(late.isoformat()) == late
