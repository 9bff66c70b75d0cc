"""What the top of the draft page says after a save that failed: how many places, and which."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext

SHOWN = 10
"""As many places are listed; the rest stand at their fields."""


def row_heading(words: Any, number: int, form: Any) -> str:
    """Return the heading of a row, from 1: its number, and its name (or number) once it has one.

    ``words`` are those of its section, with ``%(number)s``.
    """
    name = next((form[one].value() for one in ("name", "number") if one in form.fields), "")
    heading = words % {"number": number}
    return f"{heading} · {name}" if name else str(heading)


def faults_listed(form: Any, groups: list[dict[str, Any]]) -> tuple[int, list[dict[str, str]]]:
    """Return how many places of the checked forms are wrong, and the first ones.

    A place has ``path`` in the words of the page, ``reason`` and ``url``, which leads to the field.
    """
    faults = [*_of_form("", form)]
    for group in groups:
        title = str(group["title"])
        faults += [_fault(title, str(one), "") for one in group["formset"].non_form_errors()]
        for heading, row in group["rows"]:
            if not row.cleaned_data.get("DELETE"):
                faults += _of_form(heading, row)
    return len(faults), faults[:SHOWN]


def _of_form(heading: str, form: Any) -> Iterator[dict[str, str]]:
    for name, reasons in form.errors.items():
        if name not in form.fields:
            yield _fault(heading or gettext("活动"), " ".join(map(str, reasons)), "")
            continue
        field = form[name]
        path = f"{heading} · {field.label}" if heading else str(field.label)
        yield _fault(path, " ".join(map(str, reasons)), f"#{field.auto_id}")


def _fault(path: str, reason: str, url: str) -> dict[str, str]:
    return {"path": path, "reason": reason, "url": url}
