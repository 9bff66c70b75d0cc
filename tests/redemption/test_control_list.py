"""Who is on the control list is given nothing in any other way of issuing either."""

import pytest

from core.models import Client
from redemption.models import Redemption, Reward
from tests.factories.claims import claim_command, vouchers_issued
from tests.factories.controls import control_agreed, control_lifted, token_of
from tests.factories.merchants import client_make
from tests.factories.packs import pack_document
from tests.factories.persons import enrolment_make, key_of
from tests.factories.redemption import AT, confirmed_make, shop_make
from tests.factories.returns import events_deliver, returns_shop
from tests.factories.running import campaign_running
from tests.invariants.helpers import checks_failing
from tests.redemption.test_instants import codes, hold, instant
from tests.vouchers.test_packs import OPENS, SOON, pack_of
from vouchers.models import ControlEntry, Enrolment, Voucher
from vouchers.services.claims import vouchers_claim
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Enrolment:
    return enrolment_make(client_make(Client.Kind.CHANNEL))


def listed(person: Enrolment) -> ControlEntry:
    return control_agreed(token_of(key_of(person, "DOCUMENT")))


def test_a_payment_gets_no_instant_discount_until_it_is_lifted(person: Enrolment) -> None:
    shop, entry = shop_make(batches=[instant()]), listed(person)
    assert codes(hold(shop, person)) == ["claim.risk_refused"]
    assert (Voucher.objects.count(), Redemption.objects.count()) == (0, 0)
    control_lifted(entry, now=AT)
    assert hold(shop, person).fact is not None


def test_a_payment_brings_no_return_voucher(person: Enrolment) -> None:
    shop, back = returns_shop()
    (voucher,) = vouchers_issued(shop.batch, enrolments=[person])
    listed(person)
    # What he has he may use; nothing new is given for it.
    confirmed_make(shop, voucher)
    events_deliver()
    reward = Reward.objects.get(batch=back)
    assert (reward.state, reward.refusals) == ("REFUSED", ["claim.risk_refused"])
    assert Voucher.objects.filter(batch=back).count() == 0
    assert checks_failing() == {}


def test_a_pack_is_refused_whole(person: Enrolment) -> None:
    campaign = campaign_running(pack_document())
    quota_release_open(now=OPENS)
    listed(person)
    (outcome,) = vouchers_claim(commands=[claim_command(pack_of(campaign), person, at=SOON)])
    assert [one.code for one in outcome.refusals] == ["claim.risk_refused"]
    assert Voucher.objects.count() == 0
