"""What return vouchers must not be got by, and what must not keep them from being taken back."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns.errors import DefinitionInvalidError
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.lifecycle import campaign_pause
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.ids import to_public
from core.models import Delivery
from merchants.models import Merchant, Terminal, Transaction
from redemption.models import Reward
from tests.factories.approvals import approve
from tests.factories.claims import claim_command
from tests.factories.definitions import capped_document
from tests.factories.merchants import client_make, region_make
from tests.factories.persons import enrolment_make
from tests.factories.redemption import AT, confirmed_make
from tests.factories.returns import events_deliver, returns_shop
from tests.factories.running import BEFORE, campaign_running
from tests.factories.staff import staff_make
from tests.redemption.api_world import PayWorld
from tests.redemption.test_api_transactions import PATH, Counter
from tests.support.api import ApiCaller
from tests.vouchers.api_world import channel_make
from tests.vouchers.test_return_rules import returning_document
from vouchers.models import Batch, CapUse, Claim, Voucher
from vouchers.services.claim_context import batch_contexts
from vouchers.services.claims import vouchers_claim
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.django_db
INNER_MONGOLIA = "150000"


@pytest.fixture
def counter() -> Counter:
    return Counter()


def rewards() -> list[tuple[str, list[str]]]:
    return list(Reward.objects.order_by("pk").values_list("state", "refusals"))


def test_a_suspended_merchant_earns_nothing_and_still_refunds(counter: Counter) -> None:
    body = counter.body(person_id=counter.person_id)
    assert counter.channel.post(PATH, body).status_code == 201
    events_deliver()
    Merchant.objects.update(state=Merchant.State.SUSPENDED)
    again = counter.channel.post(PATH, counter.body("T-2", person_id=counter.person_id))
    assert (again.status_code, again.json()["code"]) == (409, "redemption.merchant_suspended")
    Terminal.objects.update(is_active=False)
    refund = counter.body("R-1", original_no="T-1", terminal_no="99999999")
    assert counter.channel.post(PATH, refund).status_code == 201
    events_deliver()
    assert rewards() == [("VOIDED", [])]
    place = set(Transaction.objects.values_list("store_id", "terminal_id", "store_region"))
    assert len(place) == 1


def test_till_and_channel_report_one_purchase(counter: Counter) -> None:
    code = counter.code()
    assert counter.till.post(PATH, counter.body("A-1", payment_code=code)).status_code == 201
    mine = counter.body("B-7", person_id=counter.person_id)
    assert counter.channel.post(PATH, mine).status_code == 201
    events_deliver()
    assert rewards() == [("ISSUED", []), ("REFUSED", ["transaction.reported_twice"])]
    # The next one of the day is another purchase.
    later = (AT - timedelta(minutes=11)).isoformat()
    other = counter.body("B-8", person_id=counter.person_id, traded_at=later)
    assert counter.channel.post(PATH, other).status_code == 201
    events_deliver()
    assert rewards()[-1] == ("ISSUED", [])


def test_what_was_paid_with_a_voucher_is_no_transaction_too() -> None:
    shop, _back = returns_shop(source="TRANSACTION")
    world = PayWorld.of(shop)
    confirmed_make(shop, world.voucher)
    body = {
        "transaction_no": "T-1",
        "person_id": world.person_id,
        "traded_at": AT.isoformat(),
        **world.payment(flow="ONLINE"),
    }
    assert world.channel.post(PATH, body).status_code == 201
    events_deliver()
    assert rewards() == [("REFUSED", ["transaction.reported_twice"])]


def test_nobody_chooses_when_he_bought(counter: Counter) -> None:
    for moment in (AT + timedelta(minutes=6), AT - timedelta(days=8)):
        body = counter.body(traded_at=moment.isoformat(), person_id=counter.person_id)
        response = counter.channel.post(PATH, body)
        assert response.json()["code"] == "request.invalid_parameter"
        assert response.json()["invalid_params"][0]["name"] == "traded_at"
    assert not Transaction.objects.exists()


def test_channels_of_other_regions_are_given_nothing(counter: Counter) -> None:
    region_make(INNER_MONGOLIA)
    foreign = channel_make(region=INNER_MONGOLIA)
    person = enrolment_make(foreign)
    body = counter.body(person_id=to_public("per", person.pk))
    assert ApiCaller.of(foreign).post(PATH, body).status_code == 201
    events_deliver()
    assert rewards() == [("REFUSED", ["access.not_found"])]


def test_a_till_is_not_told_why_somebody_gets_nothing(counter: Counter) -> None:
    body = counter.body(payment_code=counter.code())
    assert counter.till.post(PATH, body).status_code == 201
    row = Transaction.objects.get()
    Reward.objects.create(
        source="TRANSACTION",
        source_id=row.pk,
        batch=counter.back,
        enrolment=counter.person,
        state="REFUSED",
        refusals=["claim.not_in_audience"],
        order_fen=10_000,
        from_fen=8_000,
        owner_region=row.owner_region,
        at=AT,
    )
    path = f"{PATH}/{to_public('txn', row.pk)}"
    (told,) = counter.till.get(path).json()["returns"]
    assert (told["state"], told["refusals"]) == ("REFUSED", [])


def test_what_is_paused_is_given_later() -> None:
    shop, back = returns_shop()
    confirmed_make(shop)
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_pause(campaign_id=shop.live.campaign.pk, reason="检修", actor=maker, now=AT)
    assert events_deliver() == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, rewards()) == ("PENDING", 1, [])
    shop.live.campaign.refresh_from_db()
    shop.live.campaign.state = "LIVE"
    shop.live.campaign.save(update_fields=["state"])
    assert events_deliver() == 1
    assert Voucher.objects.filter(batch=back).count() == 1


def test_how_a_batch_is_given_out_is_frozen_by_its_first_wave() -> None:
    campaign_running(returning_document())
    quota_release_open(now=BEFORE + timedelta(days=5))
    document = returning_document()
    document["batches"][1]["rules"] |= {"issuing": "CLAIM", "trigger": None}
    maker = staff_make(Role.CAMPAIGN_MAKER)
    with pytest.raises(DefinitionInvalidError) as refused:
        campaign_draft_save(document=document, actor=maker, now=BEFORE)
    assert "batches[1].rules.issuing" in {one.name for one in refused.value.invalid_params}


def test_claims_decided_by_a_replaced_version_take_nothing(monkeypatch: Any) -> None:
    document = capped_document(units=40)
    campaign = campaign_running(document)
    now = BEFORE + timedelta(days=5)
    quota_release_open(now=now)
    batch = Batch.objects.get(code="b1")
    stale = batch_contexts({batch.pk}, until=now)
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_draft_save(document=capped_document(units=1), actor=maker, now=now)
    approve(campaign_submit(campaign_id=campaign.pk, actor=maker, now=now), now=now)
    person = enrolment_make(client_make())
    commands = [claim_command(batch, person, at=now) for _ in range(3)]
    monkeypatch.setattr("vouchers.services.claims.batch_contexts", lambda _ids, **_until: stale)
    monkeypatch.setattr("core.transactions.BACKOFF_S", 0)
    outcomes = vouchers_claim(commands=commands)
    assert {one.refusals[0].code for one in outcomes} == {"infra.try_later"}
    assert not Claim.objects.exists()
    monkeypatch.undo()
    outcomes = vouchers_claim(commands=commands)
    assert [one.outcome for one in outcomes] == ["ACCEPTED", "REFUSED", "REFUSED"]
    assert CapUse.objects.get().used_units == 1


def test_whoever_carries_no_key_that_counts_is_refused() -> None:
    document = capped_document(units=40)
    for one in document["batches"]:
        one["rules"] |= {"realname": False}
        one["rules"]["limits"][0]["keys"] = ["DOCUMENT"]
    campaign_running(document)
    now = BEFORE + timedelta(days=5)
    quota_release_open(now=now)
    person = enrolment_make(client_make(), kinds=["MOBILE"], level="NONE")
    command = claim_command(Batch.objects.get(code="b1"), person, at=now)
    (outcome,) = vouchers_claim(commands=[command])
    assert [one.code for one in outcome.refusals] == ["claim.realname_required"]
