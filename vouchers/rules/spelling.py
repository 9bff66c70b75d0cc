"""How amounts and weekdays are spelt in the words of rules. Pure functions."""

from django.utils.translation import gettext as _

from core.money import yuan_text
from core.passages import english, joined
from vouchers.rules.model import WEEKDAYS_EN, WEEKDAYS_ZH, Location


def amount_words(fen: int) -> str:
    """Write an amount in yuan as people say it: 3000 → 30, 1050 → 10.50."""
    return str(fen // 100) if fen % 100 == 0 else yuan_text(fen)


def weekday_words(weekday: int) -> str:
    """Return the name of a weekday, 1 (Monday) to 7."""
    return (WEEKDAYS_EN if english() else WEEKDAYS_ZH)[weekday - 1]


def area_words(location: Location) -> str:
    """Return where one has to be."""
    return joined(location.names(location.regions)) or _("活动地区")
