"""Many people claim from two batches under one cap; with a control."""

from collections import Counter
from datetime import datetime

from django.db import IntegrityError

from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from tests.concurrency.test_claim_races import SQL, WRITE, owner_execute
from tests.factories.claims import claim_command
from tests.factories.definitions import capped_document
from tests.factories.merchants import client_make
from tests.factories.persons import enrolments_make
from tests.factories.running import campaign_running
from tests.invariants.helpers import assert_sound
from tests.support.threads import at_once
from vouchers.models import Batch, CapUse, Claim
from vouchers.services.claim_commands import ClaimCommand
from vouchers.services.claims import vouchers_claim
from vouchers.services.releases import quota_release_open

OPENS = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
CAP, CALLERS, THREADS = 40, 100, 12
LOCK = "ORDER BY u.limit_id, u.window_start FOR NO KEY UPDATE OF u;"


def a_hundred_on_forty() -> list[ClaimCommand]:
    campaign_running(capped_document(units=CAP))
    quota_release_open(now=OPENS)
    batches = list(Batch.objects.order_by("code"))
    people = enrolments_make(client_make(), CALLERS)
    return [claim_command(batches[n % 2], one, at=OPENS) for n, one in enumerate(people)]


def said(command: ClaimCommand) -> str:
    try:
        (outcome,) = vouchers_claim(commands=[command])
    except IntegrityError:
        return "BROKEN"
    return outcome.refusals[0].code if outcome.refusals else outcome.outcome


def test_a_hundred_claims_on_a_cap_of_forty(own_database: ServiceUrls) -> None:
    answers = at_once(said, a_hundred_on_forty(), threads=THREADS)
    assert Counter(answers) == {"ACCEPTED": CAP, "claim.daily_cap_reached": CALLERS - CAP}
    assert CapUse.objects.get().used_units == Claim.objects.count() == CAP
    assert_sound()


def test_control_without_the_lock_only_the_constraint_is_left(own_database: ServiceUrls) -> None:
    commands = a_hundred_on_forty()
    source = SQL.read_text(encoding="utf-8")
    assert LOCK in source
    assert WRITE in source
    owner_execute(
        source.replace(LOCK, "ORDER BY u.limit_id, u.window_start;").replace(
            WRITE, f"PERFORM pg_sleep(0.02); {WRITE}"
        )
    )
    answers = Counter(at_once(said, commands, threads=THREADS))
    assert answers["BROKEN"] > 0, answers
