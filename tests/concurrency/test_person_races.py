"""Registrations at the same moment: one enrolment, and nobody waits for somebody else's account."""

import threading
from uuid import UUID

import pytest
from django.db import connections

from core import pii
from core.models import Client
from core.transactions import transaction
from tests.factories.campaigns import OPENED_AT
from tests.factories.merchants import NANNING, client_make
from vouchers.identity import identity_token
from vouchers.models import Enrolment, EnrolmentKey
from vouchers.services import persons
from vouchers.services.persons import PersonCommand, PersonOutcome, persons_register

pytestmark = pytest.mark.usefixtures("own_database")
CALLERS = 8


def command(client: Client, external_id: str) -> PersonCommand:
    tokens = {
        pii.DOCUMENT: (identity_token(pii.DOCUMENT, "11010519491231002X"),),
        pii.MOBILE: (identity_token(pii.MOBILE, "13800138001"),),
    }
    return PersonCommand(client.pk, external_id, NANNING, level="REALNAME", tokens=tokens)


def register(*commands: PersonCommand) -> list[PersonOutcome]:
    return persons_register(commands=commands, now=OPENED_AT)


def test_same_account_from_two_requests_is_one_enrolment() -> None:
    said = command(client_make(Client.Kind.CHANNEL), "u1")
    start = threading.Barrier(CALLERS)
    outcomes: list[PersonOutcome] = []

    def one() -> None:
        try:
            start.wait(20)
            outcomes.extend(register(said))
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=one) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    people: set[UUID | None] = {outcome.person_id for outcome in outcomes}
    assert len(outcomes) == CALLERS
    assert len(people) == 1
    assert sum(outcome.created for outcome in outcomes) == 1
    assert (Enrolment.objects.count(), EnrolmentKey.objects.count()) == (1, 3)


def test_an_account_that_stays_locked_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(persons, "HOT_LOCK_TIMEOUT_MS", 100)
    client = client_make(Client.Kind.CHANNEL)
    said = [command(client, f"u{number}") for number in range(3)]
    (before,) = register(said[1])
    locked, done = threading.Event(), threading.Event()

    def keep() -> None:
        try:
            with transaction():
                Enrolment.objects.select_for_update().get(external_id="u1")
                locked.set()
                done.wait(30)
        finally:
            connections["default"].close()

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        assert locked.wait(20)
        outcomes = register(*said)
    finally:
        done.set()
        keeper.join(30)
    assert [one.created for one in outcomes] == [True, False, True]
    assert [refusal.code for refusal in outcomes[1].refusals] == ["infra.try_later"]
    assert register(*said)[1].person_id == before.person_id
