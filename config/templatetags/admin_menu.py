"""The path at the head of a page, in the words of the side menu."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template

from config.admin_menu import menu_groups

register = template.Library()


@register.filter
def as_in_menu(parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the parts of a path, the app's name replaced by the menu's group of the list.

    A group has no page of its own, so it is no link. What the menu does not list stays as it is.
    """
    if len(parts) > 1 and (group := menu_groups().get(str(parts[1].get("link", "")))):
        return [{"title": group}, *parts[1:]]
    return list(parts)
