"""Different people on one device claim at once from two batches; with a control."""

from collections import Counter

from core.embedded.record import ServiceUrls
from tests.concurrency.test_claim_races import SQL, WRITE, owner_execute
from tests.factories.campaigns import BatchPlan, campaign_live
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make
from tests.factories.persons import enrolments_make
from tests.support.threads import at_once
from vouchers.identity import identity_token
from vouchers.models import Claim
from vouchers.rules.model import DeviceRule
from vouchers.services.claim_commands import ClaimCommand
from vouchers.services.claims import vouchers_claim

PERSONS, CALLERS, THREADS = 4, 24, 12
CHECKS = SQL.with_name("vouchers_claim_checks.sql")
LOCK = "ORDER BY k.id FOR NO KEY UPDATE;"


def twenty_four_on_one() -> list[ClaimCommand]:
    """Return a claim each of different people on one device, half of them from another batch."""
    plan = BatchPlan(rules={"device": DeviceRule(persons=PERSONS)}, limits=())
    batches = campaign_live(batches=[plan, plan]).batches
    device = identity_token("DEVICE", "one-telephone")
    people = enrolments_make(client_make(), CALLERS)
    commands = [
        claim_command(batches[n % 2], person, device=device) for n, person in enumerate(people)
    ]
    # The device has its key before: what is raced for is the count.
    vouchers_claim(commands=[commands.pop()])
    return commands


def said(command: ClaimCommand) -> str:
    (outcome,) = vouchers_claim(commands=[command])
    return outcome.refusals[0].code if outcome.refusals else outcome.outcome


def test_no_more_people_than_the_rule_allows(own_database: ServiceUrls) -> None:
    answers = at_once(said, twenty_four_on_one(), threads=THREADS)
    refused = CALLERS - PERSONS
    assert Counter(answers) == {"ACCEPTED": PERSONS - 1, "claim.device_limit": refused}
    assert Claim.objects.count() == PERSONS


def test_control_without_the_lock_there_are_more(own_database: ServiceUrls) -> None:
    commands = twenty_four_on_one()
    source, checks = SQL.read_text(encoding="utf-8"), CHECKS.read_text(encoding="utf-8")
    assert LOCK in checks
    assert WRITE in source
    # The batches' own locks stay: one claim of each at a time, two at once on the device.
    owner_execute(
        source.replace(WRITE, f"PERFORM pg_sleep(0.2); {WRITE}"),
        checks.replace(LOCK, "ORDER BY k.id;"),
    )
    at_once(said, commands, threads=THREADS)
    assert Claim.objects.count() > PERSONS
