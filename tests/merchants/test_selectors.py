"""What stands behind a terminal, which stores are near, and who sees what."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.access.models import Client, Role
from merchants import selectors
from merchants.models import Merchant, Payee, Terminal
from tests.factories.merchants import (
    LIUBEI,
    LIUZHOU,
    NANNING,
    PROVINCE,
    QINGXIU,
    SINCE,
    acquirer_client,
    acquirer_make,
    client_make,
    merchant_make,
    operator_make,
    payee_make,
    region_make,
    store_make,
    terminal_make,
)
from tests.factories.staff import staff_make

pytestmark = pytest.mark.django_db


def behind(terminal: Terminal) -> selectors.TerminalFacts | None:
    """Ask as the terminal's own acquirer."""
    client = acquirer_client(terminal.acquirer)
    (facts,) = selectors.tills_find([(client.pk, terminal.store.store_no, terminal.terminal_no)])
    return facts


def test_a_till_comes_with_everything() -> None:
    terminal = terminal_make()
    store, merchant, acquirer = terminal.store, terminal.store.merchant, terminal.acquirer
    facts = behind(terminal)
    assert facts is not None
    assert (facts.terminal_id, facts.store_id, facts.merchant_id, facts.acquirer_id) == (
        terminal.pk,
        store.pk,
        merchant.pk,
        acquirer.pk,
    )
    assert (facts.is_live, facts.store_is_active, facts.merchant_is_active) == (True, True, True)
    assert (facts.store_region, facts.owner_region) == (QINGXIU, NANNING)
    assert (facts.mcc, facts.industry) == ("5812", "CATERING")
    assert (facts.term_unit, facts.term_days, str(facts.cutoff)) == ("T", 1, "23:00:00")
    assert facts.payee_id == Payee.objects.get(merchant_no=terminal.merchant_no).pk


def test_many_tills_are_found_in_one_query() -> None:
    acquirer = acquirer_make()
    client = acquirer_client(acquirer)
    terminals = [terminal_make(acquirer=acquirer) for _number in range(5)]
    asked = [(client.pk, "", terminal.terminal_no) for terminal in terminals]
    with CaptureQueriesContext(connection) as queries:
        found = selectors.tills_find([*asked, (client.pk, "", "99999999"), asked[0]])
    assert len(queries) == 1
    ids = [terminal.pk for terminal in terminals]
    assert [one and one.terminal_id for one in found] == [*ids, None, ids[0]]
    assert selectors.tills_find([]) == []


def test_terminal_numbers_belong_to_their_acquirer() -> None:
    terminal = terminal_make()
    stranger = acquirer_client(acquirer_make())
    asked = (stranger.pk, terminal.store.store_no, terminal.terminal_no)
    assert selectors.tills_find([asked]) == [None]


def test_a_channel_names_store_and_terminal() -> None:
    first = terminal_make()
    alike = terminal_make(first.store, terminal_no="00000001")
    terminal_make(first.store, acquirer_make(), terminal_no="00000001")
    channel = client_make(Client.Kind.CHANNEL)
    asked = [
        (channel.pk, first.store.store_no, first.terminal_no),
        (channel.pk, "elsewhere", first.terminal_no),
        (channel.pk, first.store.store_no, alike.terminal_no),
    ]
    found = selectors.tills_find(asked)
    assert [one and one.terminal_id for one in found] == [first.pk, None, None]


@pytest.mark.parametrize(
    ("spoil", "flags"),
    [
        (lambda t: setattr(t, "tested_at", None), (False, True, True)),
        (lambda t: setattr(t, "is_active", False), (False, True, True)),
        (lambda t: setattr(t.store, "is_active", False), (True, False, True)),
        (lambda t: setattr(t.store.merchant, "state", "SUSPENDED"), (True, True, False)),
    ],
)
def test_terminal_flags(spoil: Callable[[object], None], flags: tuple[bool, bool, bool]) -> None:
    terminal = terminal_make()
    spoil(terminal)
    terminal.save()
    terminal.store.save()
    terminal.store.merchant.save()
    facts = behind(terminal)
    assert facts is not None
    assert (facts.is_live, facts.store_is_active, facts.merchant_is_active) == flags
    assert terminal.store not in selectors.stores_open()


def test_a_closed_payee_is_not_paid() -> None:
    terminal = terminal_make()
    Payee.objects.filter(merchant_no=terminal.merchant_no).update(valid_until=SINCE)
    facts = behind(terminal)
    assert facts is not None
    assert facts.payee_id is None


def test_stores_near_orders_by_distance() -> None:
    here = (108.366543, 22.817002)
    near = store_make(longitude="108.367543", latitude="22.817002")  # 102.5 m east
    far = store_make(longitude="108.366543", latitude="22.917002")  # 11,119.5 m north
    store_make(longitude="109.411703", latitude="24.314617")  # Liuzhou
    store_make(longitude=None, latitude=None)
    for store in (near, far):
        terminal_make(store)
    found = list(
        selectors.stores_near(selectors.stores_open(), longitude=here[0], latitude=here[1])
    )
    assert found == [near, far]
    assert [round(store.distance_m, 1) for store in found] == [102.5, 11119.5]
    close = selectors.stores_near(
        selectors.stores_open(), longitude=here[0], latitude=here[1], radius_m=5_000
    )
    assert list(close) == [near]


def test_region_scope_of_merchants_and_stores() -> None:
    nanning = merchant_make(region=NANNING)
    liuzhou = merchant_make(region=LIUZHOU)
    # A merchant of Liuzhou with a store in Nanning: seen there by its store.
    guest = merchant_make(region=LIUZHOU)
    home, branch = store_make(nanning, region=QINGXIU), store_make(guest, region=QINGXIU)
    store_make(liuzhou, region=LIUBEI)
    for _twice in range(2):
        terminal_make(branch)
    user = staff_make(Role.LIST_MAKER, region=NANNING)
    assert set(selectors.merchants_visible(user)) == {nanning, guest}
    assert selectors.merchants_visible(user).count() == 2
    assert set(selectors.stores_visible(user)) == {home, branch}
    assert selectors.terminals_visible(user).count() == 2
    assert not selectors.payees_visible(user).exists()
    province = staff_make(Role.LIST_MAKER, region=PROVINCE)
    assert selectors.merchants_visible(province).count() == Merchant.objects.count() == 3


def test_an_acquirers_operator_sees_only_its_own() -> None:
    acquirer, other = acquirer_make(), acquirer_make()
    mine, foreign = terminal_make(acquirer=acquirer), terminal_make(acquirer=other)
    user = operator_make(acquirer)
    assert list(selectors.acquirers_visible(user)) == [acquirer]
    assert list(selectors.terminals_visible(user)) == [mine]
    assert list(selectors.merchants_visible(user)) == [mine.store.merchant]
    assert list(selectors.stores_visible(user)) == [mine.store]
    assert list(selectors.payees_visible(user)) == [Payee.objects.get(acquirer=acquirer)]
    assert foreign.store not in selectors.stores_visible(user)


def test_city_staff_see_acquirers_of_the_province() -> None:
    region_make(LIUZHOU)
    province, city = acquirer_make(region=PROVINCE), acquirer_make(region=NANNING)
    acquirer_make(region=LIUZHOU)
    user = staff_make(Role.LIST_MAKER, region=NANNING)
    assert set(selectors.acquirers_visible(user)) == {province, city}


def test_nobody_without_a_grant_sees_anything() -> None:
    payee_make(merchant_make(), acquirer_make())
    user = staff_make()
    assert not selectors.merchants_visible(user).exists()
    assert not selectors.acquirers_visible(user).exists()
