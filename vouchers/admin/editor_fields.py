"""Fields of the draft page whose text stands for a value of the definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns.admin.editor_forms import signs_narrow
from vouchers.admin.editor_text import filled

MOST_TEXT = 200_000
"""Longer than the longest list that a definition may have."""


def typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return ``read`` for a text that has no names: wide signs are read as narrow ones."""
    return lambda text: read(signs_narrow(text))


class ReadField(forms.CharField):
    """A text that ``read`` makes a value of; where it raises ValueError, ``wrong`` is said."""

    def __init__(self, *, read: Callable[[str], Any], wrong: Any, **options: Any) -> None:
        """Take what a text field takes too; the widget is one line if none is given."""
        super().__init__(
            **{"max_length": MOST_TEXT, "widget": UnfoldAdminTextInputWidget, **options}
        )
        self._read, self._wrong = read, wrong

    def clean(self, value: Any) -> Any:
        """Return the value that the text stands for."""
        text = super().clean(value)
        try:
            return self._read(text)
        except ValueError as error:
            raise ValidationError(self._wrong) from error


def lines_field(
    label: Any,
    help_text: Any,
    rows: int = 2,
    *,
    read: Callable[[str], Any],
    wrong: Any,
    **options: Any,
) -> ReadField:
    """Return a text of which ``read`` reads every filled line, as a list; it may be left empty."""
    return ReadField(
        label=label,
        help_text=help_text,
        read=lambda text: [read(line) for line in filled(text)],
        wrong=wrong,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": rows}),
        **options,
    )


def words_field(label: Any, help_text: Any, rows: int = 0, **options: Any) -> ReadField:
    """Return a text of words with spaces between, as a list; of several ``rows`` if there are."""
    widget = UnfoldAdminTextareaWidget(attrs={"rows": rows}) if rows else UnfoldAdminTextInputWidget
    return ReadField(
        label=label,
        help_text=help_text,
        read=str.split,
        wrong="",
        required=False,
        widget=widget,
        **options,
    )
