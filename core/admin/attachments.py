"""What upper rooms show on the page of an approval beside its content, e.g. a forecast."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.approvals.models import Approval

Attachment = Callable[[HttpRequest, Approval], SafeString | str]
"""Gives what the reader of the request may see of it, in words."""

_attachments: dict[str, Attachment] = {}


def attachment_register(kind: str, attachment: Attachment) -> None:
    """Register what approvals of a kind show; called when the room's admin is loaded.

    Raises:
        ValueError: the kind has another one.
    """
    if _attachments.setdefault(kind, attachment) != attachment:
        raise ValueError(f"attachment registered twice: {kind}")


def attachment_of(kind: str) -> Attachment | None:
    """Return what is registered for a kind of approval."""
    return _attachments.get(kind)
