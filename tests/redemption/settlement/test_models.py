"""What the database itself keeps about settlement."""

import pytest
from django.db import connection


@pytest.mark.django_db
@pytest.mark.usefixtures("two_roles")
@pytest.mark.parametrize(
    ("table", "right", "granted"),
    [
        ("redemption_settlementitem", "UPDATE", False),
        ("redemption_settlementitem", "DELETE", True),
        ("redemption_settlementbatch", "DELETE", False),
        ("redemption_settlementline", "DELETE", False),
        ("redemption_bankline", "UPDATE", False),
        ("redemption_reconrow", "DELETE", False),
        ("redemption_payout", "DELETE", False),
    ],
)
def test_rights_of_the_app_role(table: str, right: str, granted: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(current_user, %s, %s)", [table, right])
        assert cursor.fetchone() == (granted,)
