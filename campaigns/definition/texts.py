"""Characters of a definition's texts: one line each, so that lists, pages and forms keep them."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from campaigns.definition.registry import Problem
from campaigns.definition.schema import path_text

_LINE_BREAK = re.compile(r"\r\n?")
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: controls (line breaks among them), lone surrogates, separators of lines."""
_SEVERAL_LINES = ("rules_text",)
"""Path of the one text that is written in lines."""
_IN_LINES = frozenset("\n\r\t")


def line_feeds(text: str) -> str:
    """Spell every line break, also CR LF as browsers send it, as LF."""
    return _LINE_BREAK.sub("\n", text)


def lines_normal(text: str) -> str:
    """Return the one spelling of a text in lines: LF, and no line break before the first line.

    A browser leaves out the first line break of a text area, so a save would change the text.
    """
    return line_feeds(text).lstrip("\n")


def text_problems(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield the texts below a plain value that are not one line without blanks around it.

    ``value`` has passed the schema, so it is no deeper than that.
    """
    if isinstance(value, dict):
        for key, one in value.items():
            # Of a name that is free, such as a funder's code; its own path would not be readable.
            yield from _line_problems(key, path)
            yield from text_problems(one, (*path, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from text_problems(one, (*path, index))
    elif isinstance(value, str):
        yield from _line_problems(value, path)


def _line_problems(text: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
    in_lines = path == _SEVERAL_LINES
    allowed = _IN_LINES if in_lines else frozenset()
    for one in text:
        if one not in allowed and unicodedata.category(one) in _REFUSED:
            reason = _("不能含换行或控制字符：%(code)s") % {"code": f"U+{ord(one):04X}"}
            yield Problem(path_text([*path]), reason)
            return
    if not in_lines and text != text.strip():
        yield Problem(path_text([*path]), _("首尾不能有空白"))
