"""The parts of a voucher in SQL are those of `core.money`, as integers and beyond their range."""

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from core.money import funder_parts

WEIGHTS = st.lists(st.integers(1, 10_000), min_size=1, max_size=6)


def in_sql(face_fen: int, weights: list[int], number: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT funder_parts(%s, %s::bigint[], %s)", [face_fen, weights, number])
        parts: list[int] = cursor.fetchone()[0]
    return parts


class TestParts(TestCase):
    """Both spellings of the rule agree."""

    @settings(max_examples=200, deadline=None)
    @given(face_fen=st.integers(1, 10**9), weights=WEIGHTS, number=st.integers(1, 10**9))
    def test_sql_and_python_agree(self, face_fen: int, weights: list[int], number: int) -> None:
        """From small vouchers to products beyond 64 bits."""
        assert in_sql(face_fen, weights, number) == funder_parts(face_fen, weights, number)


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 2, 3, 10**7, 10**11, 4 * 10**14])
def test_published_split_far_into_a_batch(number: int) -> None:
    assert sum(in_sql(2_000, [142, 80, 58], number)) == 2_000
    assert in_sql(2_000, [142, 80, 58], number) == funder_parts(2_000, [142, 80, 58], number)
