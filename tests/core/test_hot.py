"""How a group is spelled: PostgreSQL reads back from an array what was put into it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from core.clock import TIME_ZONE
from core.hot import array_text

PLAIN = ["", " ", "NULL", "null", "{}", "{a,b}", "a,b", ",", "'", "''", "%s", "%", "$1", "::"]
ODD = ['"', '""', "\\", "\\\\", '\\"', '{"a","b"}', "\\N", "\\u0041", "\n", "\t\r", "\x01", "/"]
WIDE = ["消费券", "🧧", "é", "\u2028", "\ufeff", "'消\\费\"券,{}'"]
TIMES = [
    datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE),
    datetime(2026, 3, 6, 8, 0, 0, 1, tzinfo=TIME_ZONE),
    datetime(2026, 3, 6, tzinfo=UTC),
]


def read_back(values: Sequence[object], kind: str) -> object:
    """Return what an array parameter of this type holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [array_text(values)])  # type: ignore[arg-type]
        ((found,),) = cursor.fetchall()
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("values", [[], PLAIN, ODD, WIDE, [*PLAIN, None, *ODD, None, *WIDE]])
def test_texts_come_back_as_they_were(values: list[str | None]) -> None:
    assert read_back(values, "text") == values


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*PLAIN, *ODD, *WIDE])
def test_a_text_alone_comes_back_as_it_was(text: str) -> None:
    assert read_back([text], "text") == [text]


@pytest.mark.django_db
def test_other_values_come_back_as_they_were() -> None:
    ids = [UUID(int=1), UUID(int=2**128 - 1)]
    assert read_back([ids[0], None, ids[1]], "uuid") == [ids[0], None, ids[1]]
    assert read_back([1, None, -(2**63), 2**63 - 1], "bigint") == [1, None, -(2**63), 2**63 - 1]
    assert read_back([*TIMES, None], "timestamptz") == [*TIMES, None]
    assert read_back([None], "bigint") == [None]


class TestAnyText(TestCase):
    """Whatever text PostgreSQL can hold."""

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
        )
    )
    def test_it_comes_back_as_it_was(self, values: list[str | None]) -> None:
        assert read_back(values, "text") == values
