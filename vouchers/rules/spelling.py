"""How amounts, moments, weekdays and lists are spelt in the words of rules. Pure functions."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.clock import TIME_ZONE
from core.money import yuan_text
from vouchers.rules.model import WEEKDAYS_EN, WEEKDAYS_ZH


def english() -> bool:
    """Tell whether the reader's language is English; every other one is answered in Chinese."""
    return (get_language() or "").startswith("en")


def amount_words(fen: int) -> str:
    """Write an amount in yuan as people say it: 3000 → 30, 1050 → 10.50."""
    return str(fen // 100) if fen % 100 == 0 else yuan_text(fen)


def moment_words(moment: datetime) -> str:
    """Write a moment in the local zone to the minute: 2026-03-06 08:00."""
    return moment.astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M")


def weekday_words(weekday: int) -> str:
    """Return the name of a weekday, 1 (Monday) to 7."""
    return (WEEKDAYS_EN if english() else WEEKDAYS_ZH)[weekday - 1]


def joined(words: Iterable[str]) -> str:
    """Join the members of a list: 餐饮、住宿."""
    return _("、").join(words)
