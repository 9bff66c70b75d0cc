"""How the sections of upper rooms are edited on the draft page; registered with their admin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EditorSection:
    """A section as a list of forms.

    ``initial(value)`` gives one dictionary per row of the plain section value, ``plain(old, rows,
    document)`` the new plain value from the cleaned rows; what the form does not show is kept from
    ``old``. ``document`` is the rest of the document as edited. ``form_options(request)`` gives
    what else the forms take, once per page. ``row`` are the words for one row, with
    ``%(number)s``.
    """

    name: str
    title: Any
    row: Any
    form: type[forms.Form]
    initial: Callable[[list[dict[str, Any]]], Rows]
    plain: Callable[[list[dict[str, Any]], Rows, dict[str, Any]], list[dict[str, Any]]]
    form_options: Callable[[HttpRequest], dict[str, Any]]


_sections: dict[str, EditorSection] = {}


def editor_section_register(section: EditorSection) -> None:
    """Register how a section is edited; repeating it changes nothing."""
    _sections[section.name] = section


def editor_sections() -> tuple[EditorSection, ...]:
    """Return every registered section, by name."""
    return tuple(_sections[name] for name in sorted(_sections))
