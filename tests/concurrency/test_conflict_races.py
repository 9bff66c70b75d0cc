"""One person claims from two groups that exclude each other at once; the control shows the race."""

from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from core.embedded.record import ServiceUrls
from tests.concurrency.test_claim_races import owner_execute
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make
from tests.factories.persons import enrolments_make
from tests.support.threads import at_once
from tests.vouchers.test_limits import conflicting
from vouchers.models import Voucher
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claims import vouchers_claim

PEOPLE = 20
SQL = Path(settings.BASE_DIR) / "vouchers" / "sql" / "vouchers_claim.sql"
DECIDED = "    IF v_issued > v_batch.issued THEN\n"
COUNTED = "             WHERE v_taken[l.place] > 0\n"


def claims_at_once() -> list[ClaimOutcome]:
    """Have everybody claim from both groups: two calls that have both decided before either writes.

    Each call of the function sleeps between the two.
    """
    food, fuel, _ = conflicting()
    people = enrolments_make(client_make(), PEOPLE)
    groups: list[list[ClaimCommand]] = [
        [claim_command(batch, person) for person in people] for batch in (food, fuel)
    ]
    answers = at_once(lambda group: vouchers_claim(commands=group), groups, threads=2)
    return [outcome for group in answers for outcome in group]


def function_install(*, guarded: bool) -> None:
    """Install the claim function with its pause, and with the conflict rows or without."""
    source = SQL.read_text(encoding="utf-8")
    assert source.count(DECIDED) == source.count(COUNTED) == 1
    source = source.replace(DECIDED, f"    PERFORM pg_sleep(0.3);\n{DECIDED}")
    if not guarded:
        source = source.replace(COUNTED, f"{COUNTED} AND l.take > 0\n")
    owner_execute(source)


def test_everybody_gets_a_voucher_of_one_group(own_database: ServiceUrls) -> None:
    function_install(guarded=True)
    outcomes = claims_at_once()
    assert Counter(outcome.outcome for outcome in outcomes) == {
        "ACCEPTED": PEOPLE,
        "REFUSED": PEOPLE,
    }
    codes = {refusal.code for outcome in outcomes for refusal in outcome.refusals}
    assert codes == {"claim.group_conflict"}
    holders = Counter(Voucher.objects.values_list("enrolment_id", flat=True))
    assert set(holders.values()) == {1}


@pytest.mark.broken_books
def test_control_without_the_conflict_rows_people_get_both(own_database: ServiceUrls) -> None:
    function_install(guarded=False)
    outcomes = claims_at_once()
    assert sum(outcome.outcome == "ACCEPTED" for outcome in outcomes) > PEOPLE
