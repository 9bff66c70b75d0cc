"""Hot SQL functions reach tables that grow by their indexes, whatever the planner guesses."""

import pytest
from django.db import connection

HOT = (
    "vouchers_claim",
    "vouchers_limits_lock",
    "vouchers_limits_used",
    "vouchers_lock",
    "redemption_vouchers",
    "redemptions_lock",
    "redemption_stale_holds",
    "redemptions_hold",
    "redemptions_confirm",
    "redemptions_unhold",
    "redemptions_unhold_unposted",
    "redemptions_unhold_post",
    "ledger_post",
    "ledger_apply_postings",
)
NO_FULL_READS = {
    "enable_seqscan=off",
    "enable_hashjoin=off",
    "enable_mergejoin=off",
    "enable_material=off",
    "join_collapse_limit=1",
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", HOT)
def test_the_planner_may_not_read_whole_tables(name: str) -> None:
    """A JSON text is guessed at 100 × 100 rows, for which it would read a table of millions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = %s", [name])
        ((settings,),) = cursor.fetchall()
    assert set(settings) >= NO_FULL_READS
