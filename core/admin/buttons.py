"""Buttons that show only where they can work: a permission, and the states it fits.

    class CampaignAdmin(ScopedModelAdmin):
        has_pause_permission = button("campaigns.pause_campaign", "LIVE")

        @action(description=_("暂停"), permissions=["pause"], dialog=…)
        def pause(self, request, form, object_id): …

`list_button` does the same above a list. Hiding is for the reader; the service decides again.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

Rule = Callable[..., bool]


def button(action: str, *states: object, field: str = "state") -> Rule:
    """Return a permission method of an admin class for an action on owned rows in ``states``."""

    def is_shown(admin: Any, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(action):
            return False
        if object_id is None:
            return True
        row = row_of(admin, request, object_id)
        if row is None:
            raise Http404  # another region's row is not there, for its buttons either
        if not admin.row_is_owned(request, row, action=action):
            return False
        return not states or getattr(row, field) in states

    return is_shown


def list_button(rows: Callable[[Any], QuerySet[Any]]) -> Rule:
    """Return a permission method for an action above a list: there is a row it could work on.

    ``rows`` takes the member of staff and gives what the action's form offers. A list also shows
    rows of higher regions; the action stands on it only for those who own something.
    """

    def is_shown(_admin: Any, request: HttpRequest, _object_id: Any = None) -> bool:
        return rows(request.user).exists()

    return is_shown


def row_of(admin: Any, request: HttpRequest, object_id: Any) -> Any:
    """Return the row of a page, read once per request; None outside the scope."""
    cache: dict[str, Any] = request.__dict__.setdefault("_button_rows", {})
    key = str(object_id)
    if key not in cache:
        cache[key] = admin.get_object(request, key)
    return cache[key]
