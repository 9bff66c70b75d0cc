"""Citizens and their channel apps: register, claim at a wave, go shopping later."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from redemption.rehearsal.session import Session, Tier
from redemption.rehearsal.shopping import go_shopping
from redemption.rehearsal.tiers import (
    AWAY,
    AWAY_REGION,
    DUPLICATE,
    FEW_HOURS,
    HOURS,
    NAMELESS,
    SECOND_TIER,
    THOUSAND,
    habit_of,
)
from redemption.rehearsal.world import Person

SURPLUS = 1.07
"""Claims per unit of a wave: a few more people than vouchers, so that waves sell out."""
AT_ONCE = timedelta(minutes=2)
CROWDED = 5_000
"""Up to this scale there are people for every hour; each moment costs about a second to reach."""


def register(session: Session, person: Person) -> None:
    """Register an account; one in three hundred has not shown a document."""
    channel = session.channels[person.channel]
    nameless = person.number % THOUSAND < NAMELESS
    document = {"type": "RESIDENT_ID", "number": person.document}
    answer = channel.call(
        "PUT",
        f"/api/v1/persons/{person.external_id}",
        {
            "mobile": person.mobile,
            "devices": [person.device],
            "cards": [f"token-{person.card}"],
            "level": "NONE" if nameless else "REALNAME",
            **({} if nameless else {"document": document}),
        },
    )
    if not answer.ok:
        raise AssertionError(f"a person was refused: {answer.body}")
    session.persons[person.number] = answer.body["person_id"]


def wave(session: Session, at: datetime, units: dict[str, int]) -> None:
    """Put the claims of one wave on the agenda: ``units`` open by batch id at ``at``."""
    chance = random.Random(f"wave-{session.world.seed}-{at:%Y%m%d%H}")  # noqa: S311 - a crowd
    marked = set(session.insiders) | session.night_owls
    regulars = [session.world.people[number] for number in sorted(marked)]
    wanted = {tier.batch_id: round(units[tier.batch_id] * SURPLUS) + 1 for tier in session.tiers}
    others = [one for one in session.world.people if one.number not in marked]
    crowd = regulars + chance.sample(others, min(len(others), sum(wanted.values())))
    picks = [tier for tier in session.tiers for _ in range(wanted[tier.batch_id])]
    claims = list(zip(crowd, chance.sample(picks, len(picks)), strict=False))
    for number, (person, tier) in enumerate(claims):
        roll = chance.randrange(THOUSAND)
        session.agenda.add(at, partial(claim, session, person, tier, at, roll))
        if number < len(regulars):
            continue
        if chance.randrange(THOUSAND) < SECOND_TIER:
            other = chance.choice(session.tiers)
            session.agenda.add(at, partial(claim, session, person, other, at, THOUSAND))


def claim(session: Session, person: Person, tier: Tier, wave_at: datetime, roll: int) -> None:
    """Claim once, perhaps from another province, perhaps sending the same request twice."""
    channel = session.channels[person.channel]
    regular = person.number in session.insiders or person.number in session.night_owls
    away = roll < AWAY and not regular
    body = {
        "person_id": session.persons[person.number],
        "batch_id": tier.batch_id,
        "device": person.device,
        "location": {"region_code": AWAY_REGION if away else person.region},
    }
    key = session.key("claim")
    answer = channel.call("POST", "/api/v1/claims", body, key=key)
    if AWAY <= roll < AWAY + DUPLICATE:
        again = channel.call("POST", "/api/v1/claims", body, key=key)
        session.note("duplicates_sent")
        if answer.ok and again.body != answer.body:
            raise AssertionError(f"a repeated claim got another answer: {again.body}")
    if not answer.ok:
        return
    session.note("claims_accepted")
    (voucher,) = answer.body["vouchers"]
    seed = f"{session.world.seed}-{person.number}-{wave_at:%Y%m%d%H}"
    hours = HOURS if session.world.scale <= CROWDED else FEW_HOURS
    habit = habit_of(seed, claimed_at=wave_at, threshold_fen=tier.threshold_fen, hours=hours)
    if person.number in session.night_owls:
        night = wave_at.replace(hour=22, minute=45)
        habit = replace(habit, uses=True, mishap="NONE", at=night)
    elif person.number in session.insiders:
        habit = replace(habit, uses=True, mishap="NONE", at=wave_at + AT_ONCE)
    if habit.uses:
        deed = partial(go_shopping, session, person, tier, voucher["voucher_id"], habit)
        session.agenda.add(habit.at, deed)
