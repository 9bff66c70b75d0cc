"""Canonical JSON: one spelling per value, nothing that could read back differently."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest

from core.canonical import canonical_hash, canonical_json, to_plain
from core.jobs.models import Job


class Colour(Enum):
    """An enum of numbers."""

    RED = 1


def test_keys_are_sorted_and_text_stays_text() -> None:
    spelled = canonical_json({"b": [1, True, None], "a": "满减"})
    assert spelled == '{"a":"满减","b":[1,true,null]}'.encode()


def test_the_hash_is_that_of_the_bytes() -> None:
    # printf '{"a":1}' | sha256sum
    expected = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert canonical_hash({"a": 1}) == expected


def test_equal_moments_have_one_spelling() -> None:
    moment = datetime(2024, 3, 30, 1, 0, tzinfo=UTC)
    assert to_plain(moment) == "2024-03-30T09:00:00+08:00"


def test_ids_dates_enums_and_sets() -> None:
    value = {
        "id": UUID(int=1),
        "day": date(2024, 3, 30),
        "state": Job.State.DONE,
        "colour": Colour.RED,
        "set": {3, 1, 2},
    }
    assert to_plain(value) == {
        "id": "00000000-0000-0000-0000-000000000001",
        "day": "2024-03-30",
        "state": "DONE",
        "colour": 1,
        "set": [1, 2, 3],
    }


@pytest.mark.parametrize("value", [1.5, Decimal("1.50"), object(), b"bytes", {1: "key"}])
def test_what_has_no_exact_spelling_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json({"value": value})


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", datetime(2024, 1, 1)])  # noqa: DTZ001
def test_what_the_database_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"NUL|surrogates|time zone"):
        canonical_json([value])
