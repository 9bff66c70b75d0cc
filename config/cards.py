"""Cards of the first page: a figure with its name, unit and explanation, in words for the page."""

from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

Card = dict[str, Any]


def card(title: Any, figure: str, **more: Any) -> Card:
    """Return a card; ``unit``, ``more`` (a line below), ``tone`` and ``link`` may be given."""
    return {"title": title, "figure": figure, **more}


def percent(value: Fraction | None) -> str:
    """Write a ratio in per cent with two decimals, rounded half up; a dash without a basis."""
    return "—" if value is None else f"{_rounded(value * 100)}%"


def times(value: Fraction | None) -> str:
    """Write a ratio as so many times, rounded half up; a dash without a basis."""
    return "—" if value is None else _("%(times)s 倍") % {"times": _rounded(value)}


def _rounded(value: Fraction) -> str:
    hundredths = (value.numerator * 200 + value.denominator) // (2 * value.denominator)
    return f"{hundredths // 100:,}.{hundredths % 100:02d}"
