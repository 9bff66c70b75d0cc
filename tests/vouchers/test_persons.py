"""Accounts and identity keys: shared over channels, closed and opened, never merged."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from core.clock import TIME_ZONE
from core.models import Client
from core.transactions import transaction
from tests.factories.merchants import NANNING, client_make
from vouchers.identity import IdentityToken, identity_token
from vouchers.models import Enrolment, EnrolmentKey, IdentityHash, IdentityKey
from vouchers.selectors import identity_keys_find, identity_keys_of
from vouchers.services.identity_keys import identity_keys_ensure
from vouchers.services.persons import PersonCommand, PersonOutcome, persons_register

NOW = datetime(2026, 3, 6, 8, 0, 5, tzinfo=TIME_ZONE)
LATER = NOW + timedelta(hours=1)
# Made-up residents with valid check digits.
FIRST_ID = "11010519491231002X"
SECOND_ID = "440524188001010014"
PEPPERS = {1: b"pepper-one-for-tests-0123456789ab", 2: b"pepper-two-for-tests-0123456789ab"}


@pytest.fixture(autouse=True)
def _peppers(settings: pytest.FixtureRequest) -> None:
    settings.XFQ_PEPPERS = {1: PEPPERS[1]}  # type: ignore[attr-defined]


def document(number: str = FIRST_ID) -> IdentityToken:
    return identity_token("DOCUMENT", number)


def mobile(number: str = "13800138001") -> IdentityToken:
    return identity_token("MOBILE", number)


def device(name: str = "device-0001") -> IdentityToken:
    return identity_token("DEVICE", name)


def command(
    client: Client, external_id: str = "u1", *, level: str | None = "REALNAME", **tokens: object
) -> PersonCommand:
    """Make a command; ``document=…, mobile=…, device=[…]`` name kinds."""
    named = {
        kind.upper(): tuple(value) if isinstance(value, list) else (value,)
        for kind, value in tokens.items()
    }
    return PersonCommand(
        client_id=client.pk,
        external_id=external_id,
        owner_region=NANNING,
        level=level,
        tokens=named,
    )


def register(*commands: PersonCommand, now: datetime = NOW) -> list[PersonOutcome]:
    return persons_register(commands=commands, now=now)


def counts() -> tuple[int, ...]:
    models = (Enrolment, EnrolmentKey, IdentityKey, IdentityHash)
    return tuple(model.objects.count() for model in models)


@pytest.mark.django_db
def test_new_account_carries_its_keys_and_itself() -> None:
    client = client_make(Client.Kind.CHANNEL)
    (outcome,) = register(command(client, document=document(), mobile=mobile(), device=device()))
    assert outcome.created
    assert outcome.changed
    assert outcome.level == "REALNAME"
    row = Enrolment.objects.get()
    assert row.pk == outcome.person_id
    assert (row.client_id, row.external_id, row.level) == (client.pk, "u1", "REALNAME")
    assert (row.owner_region, row.created_at) == (NANNING, NOW)
    kinds = EnrolmentKey.objects.order_by("kind").values_list("kind", "valid_from", "valid_until")
    assert list(kinds) == [
        ("ACCOUNT", NOW, None),
        ("DEVICE", NOW, None),
        ("DOCUMENT", NOW, None),
        ("MOBILE", NOW, None),
    ]
    assert counts() == (1, 4, 4, 4)


@pytest.mark.django_db
def test_no_raw_number_is_stored() -> None:
    client = client_make(Client.Kind.CHANNEL)
    register(command(client, document=document(), mobile=mobile()))
    masked = set(IdentityKey.objects.filter(kind__in=["DOCUMENT", "MOBILE"]).values_list("masked"))
    assert masked == {("****002X",), ("****8001",)}
    for kept in IdentityHash.objects.values_list("key_hash", flat=True):
        assert len(kept) == 64
    token = document()
    assert FIRST_ID not in repr(token)
    assert FIRST_ID not in repr(command(client, document=token))


@pytest.mark.django_db
def test_saying_the_same_again_changes_nothing() -> None:
    client = client_make(Client.Kind.CHANNEL)
    said = command(client, document=document(), mobile=mobile())
    (first,) = register(said)
    before = counts()
    (again,) = register(said, now=LATER)
    assert (again.person_id, again.created, again.changed) == (first.person_id, False, False)
    assert counts() == before
    assert Enrolment.objects.get().updated_at == NOW


@pytest.mark.django_db
def test_key_is_shared_over_channels_and_accounts_stay_apart() -> None:
    one, other = client_make(Client.Kind.CHANNEL), client_make(Client.Kind.CHANNEL)
    first, second = register(
        command(one, document=document(), mobile=mobile()),
        command(other, document=document(), mobile=mobile("13900139002")),
    )
    assert first.person_id != second.person_id
    assert first.person_id
    assert second.person_id
    keys = identity_keys_of([first.person_id, second.person_id], ["DOCUMENT", "MOBILE"])
    of = {person: {ref.kind: ref.key_id for ref in refs} for person, refs in keys.items()}
    assert of[first.person_id]["DOCUMENT"] == of[second.person_id]["DOCUMENT"]
    assert of[first.person_id]["MOBILE"] != of[second.person_id]["MOBILE"]


@pytest.mark.django_db
def test_changed_mobile_closes_the_old_one() -> None:
    client = client_make(Client.Kind.CHANNEL)
    (outcome,) = register(command(client, document=document(), mobile=mobile()))
    (changed,) = register(command(client, mobile=mobile("13900139002")), now=LATER)
    assert changed.changed
    assert not changed.created
    rows = EnrolmentKey.objects.filter(kind="MOBILE").order_by("pk")
    assert [(row.key.masked, row.valid_from, row.valid_until) for row in rows] == [
        ("****8001", NOW, LATER),
        ("****9002", LATER, None),
    ]
    assert outcome.person_id
    current = identity_keys_of([outcome.person_id], ["MOBILE"])[outcome.person_id]
    assert [ref.masked for ref in current] == ["****9002"]
    assert Enrolment.objects.get().updated_at == LATER


@pytest.mark.django_db
def test_number_that_comes_back_is_the_same_key() -> None:
    client = client_make(Client.Kind.CHANNEL)
    register(command(client, document=document(), mobile=mobile()))
    register(command(client, mobile=mobile("13900139002")), now=LATER)
    register(command(client, mobile=mobile()), now=LATER + timedelta(hours=1))
    rows = EnrolmentKey.objects.filter(kind="MOBILE").order_by("pk").values_list("key", flat=True)
    assert rows[0] == rows[2]
    assert IdentityKey.objects.filter(kind="MOBILE").count() == 2


@pytest.mark.django_db
def test_channel_releases_a_reissued_number() -> None:
    client = client_make(Client.Kind.CHANNEL)
    old, new = "old", "new"
    register(command(client, old, document=document(), mobile=mobile()))
    register(
        command(client, old, mobile=[]),
        command(client, new, document=document(SECOND_ID), mobile=mobile()),
        now=LATER,
    )
    holders = EnrolmentKey.objects.filter(kind="MOBILE", valid_until__isnull=True)
    assert [row.enrolment.external_id for row in holders] == [new]


@pytest.mark.django_db
def test_devices_named_together_are_all_kept() -> None:
    client = client_make(Client.Kind.CHANNEL)
    (outcome,) = register(
        command(client, level=None, device=[device("device-0001"), device("device-0002")])
    )
    assert outcome.level == "NONE"
    assert EnrolmentKey.objects.filter(kind="DEVICE", valid_until__isnull=True).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("known_elsewhere", [False, True])
def test_document_never_changes_silently(known_elsewhere: bool) -> None:
    client = client_make(Client.Kind.CHANNEL)
    (first,) = register(command(client, document=document(), mobile=mobile()))
    if known_elsewhere:
        register(command(client, "u2", document=document(SECOND_ID)))
    before = counts()
    (refused,) = register(
        command(client, document=document(SECOND_ID), mobile=mobile("13900139002")), now=LATER
    )
    assert [refusal.code for refusal in refused.refusals] == ["person.document_conflict"]
    assert refused.person_id is None
    assert counts() == before
    assert first.person_id
    refs = identity_keys_of([first.person_id], ["DOCUMENT", "MOBILE"])[first.person_id]
    assert {ref.masked for ref in refs} == {"****002X", "****8001"}


@pytest.mark.django_db
def test_document_is_not_given_back() -> None:
    client = client_make(Client.Kind.CHANNEL)
    register(command(client, document=document()))
    (refused,) = register(command(client, document=[]), now=LATER)
    assert [refusal.code for refusal in refused.refusals] == ["person.document_conflict"]
    assert EnrolmentKey.objects.filter(kind="DOCUMENT", valid_until__isnull=True).count() == 1


@pytest.mark.django_db
def test_verified_account_needs_a_document() -> None:
    client = client_make(Client.Kind.CHANNEL)
    before = counts()
    (refused,) = register(command(client, mobile=mobile()))
    assert [refusal.code for refusal in refused.refusals] == ["person.document_required"]
    assert counts() == before
    (accepted,) = register(command(client, level="NONE", mobile=mobile()))
    (raised,) = register(command(client, document=document()), now=LATER)
    assert raised.person_id == accepted.person_id
    assert raised.level == "REALNAME"


@pytest.mark.django_db
def test_two_commands_for_one_account_are_decided_in_order() -> None:
    client = client_make(Client.Kind.CHANNEL)
    outcomes = register(
        command(client, document=document(), mobile=mobile()),
        command(client, "u2", document=document()),
        command(client, mobile=mobile("13900139002")),
        command(client, document=document(SECOND_ID)),
    )
    assert [outcome.created for outcome in outcomes] == [True, True, False, False]
    assert outcomes[2].person_id == outcomes[0].person_id
    assert [refusal.code for refusal in outcomes[3].refusals] == ["person.document_conflict"]
    assert outcomes[0].person_id
    refs = identity_keys_of([outcomes[0].person_id], ["MOBILE"])[outcomes[0].person_id]
    assert [ref.masked for ref in refs] == ["****9002"]


@pytest.mark.django_db
def test_rotated_pepper_keeps_the_key(settings: pytest.FixtureRequest) -> None:
    client, other = client_make(Client.Kind.CHANNEL), client_make(Client.Kind.CHANNEL)
    register(command(client, document=document()))
    settings.XFQ_PEPPERS = PEPPERS  # type: ignore[attr-defined]
    register(command(other, document=document()))
    assert IdentityKey.objects.filter(kind="DOCUMENT").count() == 1
    versions = IdentityHash.objects.filter(kind="DOCUMENT").order_by("pepper_version")
    assert list(versions.values_list("pepper_version", flat=True)) == [1, 2]
    settings.XFQ_PEPPERS = {2: PEPPERS[2]}  # type: ignore[attr-defined]
    (again,) = register(command(client, document=document()), now=LATER)
    assert not again.refusals
    assert IdentityKey.objects.filter(kind="DOCUMENT").count() == 1


@pytest.mark.django_db
def test_statements_do_not_grow_with_the_group() -> None:
    client = client_make(Client.Kind.CHANNEL)

    def run(size: int) -> int:
        group = [
            command(
                client,
                f"g{size}-{number}",
                level=None,
                mobile=mobile(f"138{size:04d}{number:04d}"),
                device=device(f"device-{size}-{number}"),
            )
            for number in range(size)
        ]
        with CaptureQueriesContext(connection) as captured:
            outcomes = register(*group)
        assert all(outcome.created for outcome in outcomes)
        return len(captured)

    assert run(3) == run(300)


@pytest.mark.django_db
def test_bulk_selector_asks_once_and_answers_for_all() -> None:
    client = client_make(Client.Kind.CHANNEL)
    outcomes = register(
        command(client, "u1", document=document(), device=device()),
        command(client, "u2", level=None, mobile=mobile()),
    )
    ids = [outcome.person_id for outcome in outcomes if outcome.person_id]
    with CaptureQueriesContext(connection) as captured:
        found = identity_keys_of(ids, ["DOCUMENT", "DEVICE"])
    assert len(captured) == 1
    assert sorted(ref.kind for ref in found[ids[0]]) == ["DEVICE", "DOCUMENT"]
    assert found[ids[1]] == []


def _race(ensure: Callable[[IdentityToken], object]) -> int:
    """Let two transactions meet the same new number; the second is seen waiting or through."""
    wrote, met = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def first() -> None:
        try:
            with transaction():
                ensure(document())
                wrote.set()
                assert met.wait(20)
        except BaseException as error:
            errors.append(error)
        finally:
            connections["default"].close()

    def second() -> None:
        try:
            assert wrote.wait(20)
            with transaction():
                ensure(document())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()
            connections["default"].close()

    done = threading.Event()
    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    assert wrote.wait(20)
    deadline = time.monotonic() + 20
    while not done.is_set() and not _someone_waits():
        assert time.monotonic() < deadline
        done.wait(0.02)
    met.set()
    for thread in threads:
        thread.join(20)
    assert errors == []
    return IdentityKey.objects.filter(kind="DOCUMENT").count()


def _someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def _ensure(token: IdentityToken) -> object:
    return identity_keys_ensure(tokens=[token])


@pytest.mark.usefixtures("own_database")
def test_same_new_document_from_two_channels_is_one_key() -> None:
    assert _race(_ensure) == 1
    assert IdentityHash.objects.filter(kind="DOCUMENT").count() == 1
    (found,) = identity_keys_find([document()]).values()
    assert found.key_id == IdentityKey.objects.get(kind="DOCUMENT").pk


@pytest.mark.usefixtures("own_database")
@pytest.mark.broken_books
def test_control_without_the_unique_hash_the_race_makes_two_keys() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE vouchers_identityhash DROP CONSTRAINT identity_hash_once")
    assert _race(_ensure) == 2
