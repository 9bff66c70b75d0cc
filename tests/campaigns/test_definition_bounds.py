"""What a definition may name at all: years, and characters of its texts."""

from typing import Any

import pytest

from campaigns.definition.document import definition_build
from tests.campaigns.test_definition_files import problems
from tests.factories.definitions import document_make

pytestmark = pytest.mark.django_db
YEARS = "应在 2000 年至 2100 年之间"


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+08:00",
        "1999-12-31T23:59:59.999999+08:00",
        "2000-01-01T00:00:00+09:00",
        "2101-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_moments_outside_of_the_years_allowed_are_refused(moment: str) -> None:
    document = document_make(starts_at=moment)
    batch = document["batches"][0]
    batch["releases"] = [{"slot": moment, "units": 1, "closes_at": moment, "fall_back_at": moment}]
    batch["rules"]["validity"] |= {"fixed_from": moment, "fixed_until": moment}
    assert sorted(problems(document)) == [
        ("batches[0].releases[0].closes_at", YEARS),
        ("batches[0].releases[0].fall_back_at", YEARS),
        ("batches[0].releases[0].slot", YEARS),
        ("batches[0].rules.validity.fixed_from", YEARS),
        ("batches[0].rules.validity.fixed_until", YEARS),
        ("starts_at", YEARS),
    ]


def test_days_outside_of_the_years_allowed_are_refused() -> None:
    kept = {"kind": "FUNDING", "number": "1号", "date": "2100-12-31"}
    document = document_make(documents=[kept, kept | {"date": "0001-01-01"}])
    batch = document["batches"][0]
    del batch["releases"]
    batch["calendar"] = {"times": ["10:00"], "units": 100, "dates": ["2026-03-06", "9999-12-31"]}
    assert sorted(problems(document)) == [
        ("batches[0].calendar.dates[1]", YEARS),
        ("documents[1].date", YEARS),
    ]


def test_the_first_and_the_last_moment_are_allowed() -> None:
    ends: dict[str, Any] = {
        "starts_at": "2000-01-01T00:00:00+08:00",
        "ends_at": "2100-12-31T23:59:59+08:00",
    }
    document = definition_build(document_make(**ends)).document()
    assert {name: document[name] for name in ends} == ends
