"""A page as a person reads it: one line per text between tags, tables apart."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

LEFT_OUT = {"nav", "footer", "title", "style", "script"}


@dataclass
class PageText:
    """The lines of a page without navigation and foot, and the lines of its tables."""

    lines: list[str] = field(default_factory=list)
    table: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = PageText()
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "br"}:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        line = " ".join(data.split())
        if line and not LEFT_OUT & set(self.inside):
            (self.text.table if "table" in self.inside else self.text.lines).append(line)


def page_text(html: str) -> PageText:
    """Return the text of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.text
