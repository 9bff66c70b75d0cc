"""Packs claimed by a crowd while their next wave opens: whole packs, consecutive numbers."""

from collections import Counter
from datetime import datetime

from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make
from tests.factories.packs import pack_document
from tests.factories.persons import enrolments_make
from tests.factories.running import campaign_running
from tests.invariants.helpers import assert_sound
from tests.support.moments import business_time_set
from tests.support.threads import at_once
from vouchers.models import Batch, Voucher
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claims import vouchers_claim
from vouchers.services.releases import quota_release_open

FIRST = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
SECOND = datetime(2026, 3, 13, 8, tzinfo=TIME_ZONE)
PACKS = 40
PEOPLE = 60


def test_a_crowd_gets_whole_packs_while_a_wave_opens(own_database: ServiceUrls) -> None:
    campaign_running(pack_document(PACKS))
    business_time_set(SECOND)
    quota_release_open(now=FIRST)
    pack = Batch.objects.get(code="pack")
    people = enrolments_make(client_make(), PEOPLE)

    def act(person: object) -> list[ClaimOutcome]:
        if person is None:
            quota_release_open(now=SECOND)
            return []
        command: ClaimCommand = claim_command(pack, person, at=SECOND)  # type: ignore[arg-type]
        return vouchers_claim(commands=[command])

    crowd: list[object] = [*people[:10], None, *people[10:]]
    outcomes = [one for answer in at_once(act, crowd, threads=12) for one in answer]
    accepted = sum(one.outcome == "ACCEPTED" for one in outcomes)
    codes = {refusal.code for one in outcomes for refusal in one.refusals}
    assert codes <= {"claim.sold_out", "claim.not_started"}
    assert 6 <= accepted <= PACKS
    pack.refresh_from_db()
    assert (pack.released, pack.issued) == (PACKS, accepted)
    holders = Counter(Voucher.objects.values_list("enrolment_id", flat=True))
    assert set(holders.values()) == {5}
    for part in pack.parts.all():
        numbers = Voucher.objects.filter(batch=part).order_by("number")
        wanted = list(range(1, accepted * part.pack_quantity + 1))
        assert list(numbers.values_list("number", flat=True)) == wanted
    assert_sound()
