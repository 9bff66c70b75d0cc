"""Amounts in yuan that people type."""

import pytest

from core.money import MAX_FEN, fen_from_yuan


@pytest.mark.parametrize(
    "text", ["", "a", "1.001", "NaN", "Infinity", "1e5000", "1e999999", "-1e999999", "1e14"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an amount|more precise"):
        fen_from_yuan(text)


def test_amounts_are_read_to_the_fen() -> None:
    assert [fen_from_yuan(text) for text in ("0.01", "12.3", "1e3", 7)] == [1, 1_230, 100_000, 700]
    assert fen_from_yuan(MAX_FEN // 100) == MAX_FEN
