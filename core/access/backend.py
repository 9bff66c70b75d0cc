"""Log-in of staff: Django's passwords, but permissions from role grants alone."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from core.access.region_codes import subtree_contains
from core.access.role_table import ROLE_ACTIONS
from core.access.roles import Principal, grants_of, grants_permitting, has_any_in


class RoleBackend(ModelBackend):
    """`user.has_perm("campaigns.approve_campaign")` asks the grants in force, never auth tables."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Nobody has a permission of his own."""
        del user_obj, obj
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Groups give nothing."""
        del user_obj, obj
        return set()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the patterns of the roles in force."""
        del obj
        return {pattern for grant in grants_of(user_obj) for pattern in ROLE_ACTIONS[grant.role]}

    def has_perm(self, user_obj: Principal, perm: str, obj: Any = None) -> bool:
        """Tell whether a role permits ``perm``; for a row with owner_region, in that region."""
        grants = grants_permitting(user_obj, perm)
        owner_region = getattr(obj, "owner_region", None)
        if not owner_region or perm.partition(".")[2].startswith("view_"):
            # Which rows are visible is the scope's matter (core.access.scope).
            return bool(grants)
        return any(subtree_contains(grant.region, owner_region) for grant in grants)

    def has_module_perms(self, user_obj: Principal, app_label: str) -> bool:
        """Tell whether anything in an app is permitted, for the menu of the admin."""
        return has_any_in(user_obj, app_label)
