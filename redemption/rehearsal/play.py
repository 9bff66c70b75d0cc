"""Plays the programme from the first list of merchants to the last payment."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from campaigns.models import Campaign
from core import clock
from core.access.signing import SigningKey
from core.api.fields import moment_text
from core.ids import to_public
from redemption.rehearsal import stage, timekeeper
from redemption.rehearsal.acquirers import Acquirers
from redemption.rehearsal.agenda import Agenda
from redemption.rehearsal.citizens import register, wave
from redemption.rehearsal.client import ApiClient, Tally
from redemption.rehearsal.crew import Crew, crew_make
from redemption.rehearsal.office import cases_decide, everything_is_paid, settlement_day
from redemption.rehearsal.session import Session, Tier
from redemption.rehearsal.world import ACQUIRERS, CHANNELS, Shop, World
from vouchers.api.prefixes import BATCH
from vouchers.models import Batch, QuotaRelease
from vouchers.rules.model import rules_read

THREADS = 32
OFFICE_HOUR = time(9, 30)
PREPARED_BEFORE = timedelta(days=2)
OFFICE_AFTER_END = timedelta(days=7)
"""The office works on without a day off until the last late refund has come."""
LONGEST_AFTERMATH_DAYS = 40
INSTALMENTS = 2
INSTALMENT_BEFORE = timedelta(hours=1)


@dataclass(slots=True)
class Rehearsal:
    """One rehearsal against the platform at ``base_url``, whose database this process shares."""

    base_url: str
    world: World
    document: Mapping[str, Any]
    progress: Callable[[str, int, int], None]
    """Told what is going on, how many deeds are done, and of how many known so far."""
    tally: Tally = field(default_factory=Tally)
    agenda: Agenda = field(default_factory=lambda: Agenda(threads=THREADS))
    crew: Crew = field(default_factory=Crew)
    acquirers: Acquirers = field(init=False)
    done: int = 0
    label: str = ""

    def play(self) -> Campaign:
        """Play everything; returns the campaign once its last line is paid."""
        begins = datetime.fromisoformat(str(self.document["starts_at"]))
        clock.clock_start(at=begins - PREPARED_BEFORE)
        campaign, session = self._prepare()
        self.acquirers = Acquirers(session, self.crew)
        self._plan(campaign, session)
        try:
            self._run()
        finally:
            self.agenda.close()
        self._finish(campaign)
        return campaign

    def _prepare(self) -> tuple[Campaign, Session]:
        self._say("机构、人员、接入方")
        now = clock.now()
        self.crew = crew_make(now)
        stage.acquirers_make(now)
        keys = stage.clients_make(now)
        insiders = self._insiders()
        self._say(f"导入 {len(self.world.shops)} 家商户")
        lists = stage.merchant_lists(self.world, insiders)
        stage.merchants_report(lists, self.crew, now)
        timekeeper.wait_for_quiet()
        stage.terminals_test(self.crew, clock.now())
        self._say("方案报批、名单复核、首期拨付、上线")
        campaign = stage.campaign_prepare(dict(self.document), self.crew, clock.now())
        self._instalment(campaign, 1)
        stage.campaign_start(campaign, self.crew, clock.now())
        return campaign, self._session(campaign, keys, insiders)

    def _insiders(self) -> dict[int, Shop]:
        """Three people of the first caterer's city work there and are known as its contacts."""
        shop = next(one for one in self.world.shops if one.industry == "CATERING")
        return {self.world.people[7].number: shop}

    def _session(
        self, campaign: Campaign, keys: Mapping[str, SigningKey], insiders: dict[int, Shop]
    ) -> Session:
        def client(code: str) -> ApiClient:
            return ApiClient(self.base_url, keys[code], self.tally)

        return Session(
            world=self.world,
            agenda=self.agenda,
            tally=self.tally,
            channels={code: client(code) for code in CHANNELS},
            tills={code: client(code) for code in ACQUIRERS},
            store_nos=stage.store_numbers(),
            tiers=list(_tiers(campaign)),
            insiders=insiders,
            night_owls=frozenset(
                person.number for person in self.world.people[11:13] if person.card[:2] == "62"
            ),
        )

    def _instalment(self, campaign: Campaign, part: int) -> None:
        stage.instalment_receive(
            campaign.pk, part=part, of=INSTALMENTS, crew=self.crew, now=clock.now()
        )

    def _plan(self, campaign: Campaign, session: Session) -> None:
        """Put registration, waves and office days on the agenda."""
        for person in self.world.people:
            self.agenda.add(campaign.starts_at, partial(register, session, person))
        waves: dict[datetime, dict[str, int]] = defaultdict(dict)
        releases = QuotaRelease.objects.filter(batch__campaign=campaign)
        for batch_id, slot, units in releases.values_list("batch_id", "slot", "planned_units"):
            waves[slot.astimezone(clock.TIME_ZONE)][to_public(BATCH, batch_id)] = units
        for slot, open_units in sorted(waves.items()):
            self.agenda.add(slot, partial(wave, session, slot, open_units))
        # Before the first instalment is used up: what a wave lacks, nobody comes for later.
        middle = sorted(waves)[len(waves) // 2] - INSTALMENT_BEFORE
        self.agenda.add(middle, partial(self._instalment, campaign, INSTALMENTS))
        day = campaign.starts_at.astimezone(clock.TIME_ZONE).date()
        last = (campaign.ends_at + OFFICE_AFTER_END).astimezone(clock.TIME_ZONE).date()
        while day <= last:
            at = datetime.combine(day, OFFICE_HOUR, clock.TIME_ZONE)
            self.agenda.add(at, partial(self._office, campaign))
            day += timedelta(days=1)

    def _office(self, campaign: Campaign) -> None:
        now = clock.now()
        self.acquirers.deliver(now)
        settlement_day(campaign.pk, self.crew, now)
        cases_decide(campaign.pk, self.crew, now)

    def _run(self) -> None:
        day = None
        while (moment := self.agenda.next_moment()) is not None:
            timekeeper.advance(moment)
            if moment.date() != day:
                day = moment.date()
                self._say(f"{moment_text(moment)[:10]}")
            self.agenda.play_next(self._one_done)

    def _one_done(self) -> None:
        self.done += 1
        self._tell()

    def _say(self, label: str) -> None:
        self.label = label
        self._tell()

    def _tell(self) -> None:
        self.progress(self.label, self.done, self.done + self.agenda.size())

    def _finish(self, campaign: Campaign) -> None:
        """Go on day by day until every case is decided and every line is paid."""
        at = datetime.combine(clock.now().date(), OFFICE_HOUR, clock.TIME_ZONE)
        for _ in range(LONGEST_AFTERMATH_DAYS):
            at += timedelta(days=1)
            timekeeper.advance(at)
            self._office(campaign)
            if at > campaign.ends_at + timedelta(days=4) and everything_is_paid(campaign.pk):
                break
        timekeeper.wait_for_quiet()


def _tiers(campaign: Campaign) -> Iterator[Tier]:
    """What a channel reads of the batches: threshold, face, flows."""
    for batch in Batch.objects.filter(campaign=campaign).select_related("version"):
        if batch.version is None:
            continue
        rules = rules_read(batch.version.rules)
        yield Tier(
            batch_id=to_public(BATCH, batch.pk),
            code=batch.code,
            threshold_fen=rules.benefit.threshold_fen,
            face_fen=batch.face_fen,
            any_flow=not rules.use.flows or "CUSTOMER_SCANS" in rules.use.flows,
        )
