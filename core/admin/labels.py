"""Coloured labels (Unfold's ``display(label=…)``) that also work on a row's own page.

In a list Unfold turns ``(state, what it is called)`` into a label; on a page it would print the
pair as Python does. A `Labelled` pair renders itself there.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from unfold.utils import display_for_label

EMPTY = "-"


class Labelled(tuple[Any, ...]):
    """The pair of a label column, with the colours it was declared with."""

    __slots__ = ()
    colours: Any = None

    def __html__(self) -> str:
        """Render the label, for templates."""
        return str(display_for_label(tuple(self), EMPTY, self.colours))


def labels_bind(page: Any) -> None:
    """Make every label column of an admin page return `Labelled` pairs."""
    for name in dir(type(page)):
        method = getattr(type(page), name, None)
        colours = getattr(method, "label", None)
        if callable(method) and isinstance(colours, dict):
            setattr(page, name, _labelled(page, method, colours))


def _labelled(page: Any, method: Callable[..., Any], colours: Any) -> Callable[[Any], Any]:
    kind = type("Label", (Labelled,), {"__slots__": (), "colours": colours})

    @wraps(method)
    def column(obj: Any) -> Any:
        value = method(page, obj)
        return kind(value) if isinstance(value, tuple) else value

    return column
