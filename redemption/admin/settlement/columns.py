"""Columns that several settlement pages share."""

from collections.abc import Callable
from typing import Any

from unfold.decorators import display

from campaigns.models import Funder
from core.admin.columns import yuan_grouped

STATE_LABELS = {
    "DRAFT": "info",
    "CHECKED": "info",
    "APPROVED": "warning",
    "SENT": "warning",
    "PAID": "success",
    "PARTIALLY_PAID": "danger",
    "REJECTED": "danger",
    "PENDING": "info",
    "RETURNED": "danger",
    "OPEN": "warning",
    "CLOSED": "success",
    "EXPLAINED": "success",
    "SUSPENSE": "danger",
    "RESOLVED": "success",
    "ACTIVE": "warning",
    "RELEASED": "success",
    "RECOVERED": "danger",
}


def state_column(title: Any) -> Callable[[Any, Any], tuple[str, str]]:
    """Return an admin method that shows the state in its colour."""

    @display(description=title, ordering="state", label=STATE_LABELS)
    def column(_admin: Any, obj: Any) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    shown: Callable[[Any, Any], tuple[str, str]] = column
    return shown


def parts_column(title: Any) -> Callable[[Any, Any], str]:
    """Return an admin method that shows what each funder's part is, for the page of one row."""

    @display(description=title)
    def column(_admin: Any, obj: Any) -> str:
        names = dict(Funder.objects.filter(pk__in=obj.funder_ids).values_list("pk", "name"))
        return "；".join(
            f"{names.get(funder_id, funder_id)} {yuan_grouped(fen)}"
            for funder_id, fen in zip(obj.funder_ids, obj.parts, strict=True)
        )

    shown: Callable[[Any, Any], str] = column
    return shown
