"""Services of staff, roles and clients."""

from core.access.services.clients import client_create, client_update
from core.access.services.keys import (
    IssuedKey,
    client_key_issue,
    client_key_revoke,
    client_key_rotate,
    client_key_secret,
)
from core.access.services.roles import role_grant, role_revoke
from core.access.services.users import (
    administrator_create,
    user_create,
    user_set_active,
    user_set_password,
)

__all__ = [
    "IssuedKey",
    "administrator_create",
    "client_create",
    "client_key_issue",
    "client_key_revoke",
    "client_key_rotate",
    "client_key_secret",
    "client_update",
    "role_grant",
    "role_revoke",
    "user_create",
    "user_set_active",
    "user_set_password",
]
