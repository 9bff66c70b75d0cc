"""Columns as people read them: yuan instead of fen, JSON as a block, links to other pages."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.money import FEN_PER_YUAN
from core.passages import Passage


def yuan_grouped(fen: int | None) -> str:
    """Write an amount in yuan with separators: ``101400`` → ``"1,014.00"``; nothing for None."""
    if fen is None:
        return ""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // FEN_PER_YUAN:,}.{abs(fen) % FEN_PER_YUAN:02d}"


def yuan_column(field: str, title: Any) -> Callable[[Any, Any], str]:
    """Return an admin method that shows a fen column in yuan, sorts and exports as a number."""

    @display(description=title, ordering=field)
    def column(_admin: Any, obj: Any) -> str:
        return yuan_grouped(getattr(obj, field))

    column.fen_field = field  # read by core.admin.export
    shown: Callable[[Any, Any], str] = column
    return shown


def text_column(attribute: str, title: Any) -> Callable[[Any, Any], str]:
    """Return an admin method that shows an annotation of the queryset and sorts by it."""

    @display(description=title, ordering=attribute)
    def column(_admin: Any, obj: Any) -> str:
        return str(getattr(obj, attribute, "") or "-")

    shown: Callable[[Any, Any], str] = column
    return shown


def json_block(value: object) -> SafeString:
    """Show canonical JSON in a block that keeps its lines."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
    return format_html('<pre class="xfq-json">{}</pre>', text)


def lines_block(lines: Sequence[str | Passage], *, empty: str = "-") -> SafeString | str:
    """Show lines as a list, parts with their heading above their sentences; ``empty`` for none."""
    if not lines:
        return empty
    items = format_html_join("", "<li>{}</li>", ((_line_block(line),) for line in lines))
    return format_html('<ul class="xfq-lines">{}</ul>', items)


def _line_block(line: str | Passage) -> SafeString | str:
    if isinstance(line, str):
        return line
    return format_html("<strong>{}</strong>{}", line.title, lines_block(line.lines))


def json_column(field: str, title: Any) -> Callable[[Any, Any], SafeString]:
    """Return an admin method that shows a JSON column as a block."""

    @display(description=title)
    def column(_admin: Any, obj: Any) -> SafeString:
        return json_block(getattr(obj, field))

    shown: Callable[[Any, Any], SafeString] = column
    return shown


def page_link(view: str, text: object, *args: object, **query: object) -> SafeString | str:
    """Link to an admin page (``core_case_change``), or the bare text where there is none."""
    try:
        url = reverse(f"admin:{view}", args=args)
    except NoReverseMatch:
        return str(text)
    if query:
        url = f"{url}?{urlencode(query)}"
    return format_html('<a class="xfq-link" href="{}">{}</a>', url, text)
