"""Region codes as people read them, and the regions a member of staff may choose."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from unfold.decorators import display

from core.access.models import Region
from core.access.region_codes import subtree_contains
from core.access.roles import grants_permitting

_names: dict[str, str] = {}


def region_title(code: str) -> str:
    """Return the name with the code, ``南宁市（450100）``; the bare code if it is unknown.

    The divisions change with a release of the software, so a process reads them once.
    """
    if code and code not in _names:
        _names.update(Region.objects.values_list("code", "name"))
    name = _names.get(code)
    return f"{name}（{code}）" if name else code


def region_column(field: str, title: Any) -> Callable[[Any, Any], str]:
    """Return an admin method that shows a region code with its name and sorts by the code."""

    @display(description=title, ordering=field)
    def column(_admin: Any, obj: Any) -> str:
        value = obj
        for name in field.split("__"):
            value = getattr(value, name)
        return region_title(value)

    shown: Callable[[Any, Any], str] = column
    return shown


def region_choices(
    request: HttpRequest, action: str, *, leaves_only: bool = False
) -> list[tuple[str, str]]:
    """Return the regions inside the grants that permit ``action``, for a form's drop-down.

    By default provinces, cities and the granted counties (bureaus); with ``leaves_only`` the
    counties, and cities without counties, where a store can stand.
    """
    roots = {grant.region for grant in grants_permitting(request.user, action)}
    rows = [
        row
        for row in Region.objects.order_by("code").values_list("code", "name", "parent_id", "level")
        if any(subtree_contains(root, row[0]) for root in roots)
    ]
    inner = {parent for _code, _name, parent, _level in rows}
    county = Region.Level.COUNTY
    return [
        (code, f"{name}（{code}）")
        for code, name, _parent, level in rows
        if (code not in inner if leaves_only else level != county or code in roots)
    ]
