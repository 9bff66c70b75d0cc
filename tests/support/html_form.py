"""A form of a page as a browser sends it back, unchanged: read from the page's own HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

NOT_SENT = {"submit", "button", "reset", "image", "file"}

Sent = dict[str, str | list[str]]


@dataclass
class _Select:
    name: str
    is_multiple: bool
    options: list[str] = field(default_factory=list)
    selected: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Sent] = []
        self.select: _Select | None = None
        self.area: str | None = None
        self.text = ""

    def send(self, name: str, value: str) -> None:
        """Add a value; one name sent several times becomes a list."""
        form = self.forms[-1]
        if name not in form:
            form[name] = value
            return
        before = form[name]
        form[name] = [*(before if isinstance(before, list) else [before]), value]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append({})
        if tag == "option" and self.select:
            value = given.get("value") or ""
            self.select.options.append(value)
            if "selected" in given:
                self.select.selected.append(value)
        name = given.get("name")
        if not name or not self.forms or "disabled" in given:
            return
        if tag == "select":
            self.select = _Select(name, "multiple" in given)
        elif tag == "textarea":
            self.area, self.text = name, ""
        elif tag == "input":
            kind = given.get("type", "text")
            if kind in {"checkbox", "radio"} and "checked" in given:
                self.send(name, given.get("value") or "on")
            elif kind not in {"checkbox", "radio", *NOT_SENT}:
                self.send(name, given.get("value") or "")

    def handle_data(self, data: str) -> None:
        if self.area:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.select:
            chosen = self.select.selected
            if not chosen and not self.select.is_multiple:
                # A drop-down always has a value: its first one if the page names none.
                chosen = self.select.options[:1]
            for value in chosen:
                self.send(self.select.name, value)
            self.select = None
        elif tag == "textarea" and self.area:
            self.send(self.area, self.text.removeprefix("\n").replace("\n", "\r\n"))
            self.area = None


def html_form_data(html: str, name: str) -> Sent:
    """Return what a browser sends of the form that has the field ``name``, nothing touched.

    Raises StopIteration if no form of the page has it.
    """
    reader = _Reader()
    reader.feed(html)
    return next(form for form in reader.forms if name in form)
