"""Claims that race, on a database of their own; each with a control that shows the race."""

from collections import Counter
from pathlib import Path

import pytest
from django.db import connection, connections

from core.embedded.record import ServiceUrls
from tests.factories.campaigns import BatchPlan, campaign_live
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make, enrolments_make
from tests.support.threads import at_once
from vouchers.models import Batch, Claim, LimitUse, QuotaSlice, Voucher
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claims import vouchers_claim

UNITS = 50
CALLERS = 200
THREADS = 40
SQL = Path(__file__).parents[2] / "vouchers" / "sql" / "vouchers_claim.sql"
BATCH_LOCK = "WHERE b.id = p_batch FOR NO KEY UPDATE;"
# Between reading the counter and writing it: wide enough that unguarded callers overlap.
PAUSE = "v_issued := v_batch.issued;"
# And between looking at a limit and counting on it.
WRITE = "IF v_issued > v_batch.issued THEN"


def owner_execute(*statements: str) -> None:
    """Run statements as the owner of the schema."""
    with connections["owner"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def guards_off() -> None:
    """Install the claim function without its lock, and drop the constraints behind it."""
    source = SQL.read_text(encoding="utf-8")
    assert BATCH_LOCK in source
    assert PAUSE in source
    unguarded = source.replace(BATCH_LOCK, "WHERE b.id = p_batch;").replace(
        PAUSE, f"{PAUSE} PERFORM pg_sleep(0.05);"
    )
    assert WRITE in source
    unguarded = unguarded.replace(WRITE, f"PERFORM pg_sleep(0.2); {WRITE}")
    unguarded = unguarded.replace("ORDER BY s.id FOR NO KEY UPDATE OF s;", "ORDER BY s.id;")
    unguarded = unguarded.replace("WHERE u.used + excluded.used <= excluded.cap\n", "\n")
    owner_execute(
        unguarded,
        "ALTER TABLE vouchers_batch DROP CONSTRAINT batch_counters",
        "ALTER TABLE vouchers_quotaslice DROP CONSTRAINT slice_counters",
        "ALTER TABLE vouchers_voucher DROP CONSTRAINT voucher_number",
        "ALTER TABLE vouchers_limituse DROP CONSTRAINT limit_use_within_cap",
        "ALTER TABLE core_account DROP CONSTRAINT account_not_negative",
    )


def claim_and_look(command: ClaimCommand) -> tuple[ClaimOutcome, int]:
    """Claim, then count the claims committed by the moment the answer was there."""
    (outcome,) = vouchers_claim(commands=[command])
    return outcome, Claim.objects.count()


def two_hundred_on_fifty() -> tuple[Batch, list[ClaimCommand]]:
    """Return a batch with fifty open units, and a claim each of two hundred people."""
    batch = campaign_live(batches=[BatchPlan(units=UNITS)]).batch
    client = client_make()
    people = enrolments_make(client, CALLERS)
    return batch, [claim_command(batch, person) for person in people]


def test_two_hundred_claims_on_fifty_units(own_database: ServiceUrls) -> None:
    batch, commands = two_hundred_on_fifty()
    answers = at_once(claim_and_look, commands, threads=THREADS)
    assert Counter(outcome.outcome for outcome, _ in answers) == {"ACCEPTED": 50, "REFUSED": 150}
    refused = [(outcome, seen) for outcome, seen in answers if outcome.outcome == "REFUSED"]
    assert {refusal.code for outcome, _ in refused for refusal in outcome.refusals} == {
        "claim.sold_out"
    }
    assert {seen for _, seen in refused} == {UNITS}, "a refusal came before the last unit was taken"
    batch.refresh_from_db()
    assert batch.issued == QuotaSlice.objects.get(release__batch=batch).issued == UNITS
    numbers = sorted(Voucher.objects.values_list("number", flat=True))
    assert numbers == list(range(1, UNITS + 1))


@pytest.mark.broken_books
def test_control_without_the_lock_the_wave_is_oversold(own_database: ServiceUrls) -> None:
    _, commands = two_hundred_on_fifty()
    guards_off()
    answers = at_once(claim_and_look, commands, threads=THREADS)
    accepted = sum(outcome.outcome == "ACCEPTED" for outcome, _ in answers)
    assert accepted > UNITS


def test_a_locked_batch_refuses_its_own_claims_and_nobody_elses(own_database: ServiceUrls) -> None:
    live = campaign_live(batches=[BatchPlan(limits=()), BatchPlan(face_fen=500, limits=())])
    person = enrolment_make()
    commands = [claim_command(live.batches[number % 2], person) for number in range(4)]
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM vouchers_batch WHERE id = %s FOR UPDATE", [live.batch.pk])
        outcomes = vouchers_claim(commands=commands)
        cursor.execute("ROLLBACK")
    assert [outcome.outcome for outcome in outcomes] == ["REFUSED", "ACCEPTED"] * 2
    assert {one.code for outcome in outcomes[::2] for one in outcome.refusals} == {
        "infra.try_later"
    }
    assert Claim.objects.count() == 2


def twenty_of_one() -> list[ClaimCommand]:
    """Return twenty claims of one person, half of them on another batch of the same limit."""
    live = campaign_live(batches=[BatchPlan(), BatchPlan(face_fen=500)])
    person = enrolment_make()
    return [claim_command(live.batches[number % 2], person) for number in range(20)]


def test_twenty_claims_of_one_person_give_the_limit(own_database: ServiceUrls) -> None:
    answers = at_once(claim_and_look, twenty_of_one(), threads=20)
    assert Counter(outcome.outcome for outcome, _ in answers) == {"ACCEPTED": 1, "REFUSED": 19}
    assert Voucher.objects.count() == 1
    assert set(LimitUse.objects.values_list("used", flat=True)) == {1}


@pytest.mark.broken_books
def test_control_without_the_guard_one_person_gets_more(own_database: ServiceUrls) -> None:
    commands = twenty_of_one()
    guards_off()
    answers = at_once(claim_and_look, commands, threads=20)
    assert sum(outcome.outcome == "ACCEPTED" for outcome, _ in answers) > 1


def test_one_key_sent_twenty_times_is_one_claim(own_database: ServiceUrls) -> None:
    batch = campaign_live().batch
    person = enrolment_make()
    commands = [claim_command(batch, person, key="the-same-key-again")] * 20
    answers = at_once(claim_and_look, commands, threads=20)
    assert Counter(outcome.outcome for outcome, _ in answers) == {"ACCEPTED": 1, "REPLAY": 19}
    assert len({outcome.claim.claim_id for outcome, _ in answers if outcome.claim}) == 1


@pytest.mark.django_db
def test_the_guards_named_here_are_in_the_installed_function() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('vouchers_claim'::regproc)")
        (definition,) = cursor.fetchone()
    assert BATCH_LOCK in definition
