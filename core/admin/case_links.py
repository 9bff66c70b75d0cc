"""What upper rooms offer on the page of a case, e.g. to put its subject on the control list."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.screening.models import Case

CaseLink = Callable[[HttpRequest, Case], SafeString | str]
"""Gives a link for the reader of the request; an empty text where there is nothing to do."""

_links: list[CaseLink] = []


def case_link_register(link: CaseLink) -> None:
    """Register a link; called when the room's admin is loaded, repeating it changes nothing."""
    if link not in _links:
        _links.append(link)


def case_links(request: HttpRequest, case: Case) -> list[SafeString | str]:
    """Return the links that there are for this reader and case."""
    return [shown for link in _links if (shown := link(request, case))]
