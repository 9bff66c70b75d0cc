"""The admin's site: Unfold's, without a list of all apps that no page shows."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite


class HouseAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # Unfold ships no types
    """Makes the list of all apps and models only for who reads it: the search.

    Every page's context carries it, a fifth of a page's time, while the menu is our own
    (`config.admin_menu`).
    """

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return apps with their models, made when they are looked at."""
        made = super().get_app_list
        return SimpleLazyObject(lambda: made(request, app_label))
