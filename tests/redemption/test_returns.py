"""Return vouchers: given once for a purchase, void when it is refunded, flagged when used."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from core.models import Account, Delivery, OutboxEvent
from redemption.models import ExceptionItem, Reward
from redemption.returns.reversing import rewards_sweep
from redemption.services.cancel import redemptions_cancel
from redemption.services.refund import redemptions_refund
from redemption.services.unhold import redemptions_release
from tests.factories.claims import claim_command, vouchers_issued
from tests.factories.persons import enrolment_make
from tests.factories.redemption import (
    AT,
    accepted,
    cancel_command,
    confirmed_make,
    held_make,
    holder_of,
    refund_command,
    release_command,
    shop_make,
)
from tests.factories.returns import events_deliver, returns_shop
from tests.invariants.helpers import checks_failing
from vouchers.models import Batch, Voucher
from vouchers.offers import batches_offered
from vouchers.rules.model import TriggerBatch, UseScope
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(minutes=5)


def given(batch: Batch) -> Voucher:
    """Return the one return voucher there is."""
    return Voucher.objects.get(batch=batch)


def refund(redemption_id: UUID, order_fen: int) -> None:
    command = refund_command(redemption_id, order_fen, at=LATER)
    accepted(redemptions_refund(commands=[command]))
    events_deliver(now=LATER)


def cancel(redemption_id: UUID) -> None:
    accepted(redemptions_cancel(commands=[cancel_command(redemption_id, at=LATER)]))
    events_deliver(now=LATER)


def states(batch: Batch) -> tuple[str, str]:
    """Return the states of the reward and of its voucher."""
    return Reward.objects.get(batch=batch).state, given(batch).state


def outstanding(batch: Batch) -> int:
    rows = Account.objects.filter(unit_id=batch.pk, kind="OUTSTANDING")
    return sum(rows.values_list("balance_fen", flat=True))


def test_a_payment_is_given_a_voucher_once() -> None:
    shop, back = returns_shop()
    redemption = confirmed_make(shop)
    assert not Voucher.objects.filter(batch=back).exists()
    assert events_deliver() == 1
    voucher, reward = given(back), Reward.objects.get()
    assert (reward.source, reward.source_id, reward.state) == ("REDEMPTION", redemption, "ISSUED")
    assert (reward.claim_id, reward.order_fen, reward.from_fen) == (voucher.claim_id, 10_000, 8_000)
    assert voucher.issued_at == AT
    payer = Voucher.objects.get(batch=shop.batch)
    assert (voucher.enrolment_id, voucher.client_id) == (payer.enrolment_id, payer.client_id)
    # Delivered once more, by a worker that was killed before it could say so.
    Delivery.objects.all().delete()
    event = OutboxEvent.objects.get(topic="redemption.confirmed")
    Delivery.objects.create(event=event, consumer="redemption.returns_issue", run_at=AT)
    assert events_deliver() == 1
    assert Voucher.objects.filter(batch=back).count() == 1
    assert checks_failing() == {}


def test_only_what_meets_the_trigger_counts() -> None:
    shop, back = returns_shop(from_fen=10_001)
    confirmed_make(shop)
    events_deliver()
    assert not Reward.objects.exists()
    for trigger in (
        {"below_fen": 10_000},
        {"batches": (TriggerBatch(batch="b9"),)},
        {"use": UseScope(whitelist=False, flows=("ONLINE",))},
        {"use": UseScope(whitelist=False, industries=("HOTEL",))},
        {"source": "TRANSACTION"},
    ):
        shop, back = returns_shop(**trigger)
        confirmed_make(shop)
        events_deliver()
        assert not Voucher.objects.filter(batch=back).exists()
    shop, back = returns_shop(batches=(TriggerBatch(batch="b1"),), below_fen=10_001)
    confirmed_make(shop)
    events_deliver()
    assert given(back).state == "ACTIVE"


def test_a_return_voucher_gives_no_other() -> None:
    shop, back = returns_shop()
    confirmed_make(shop)
    events_deliver()
    confirmed_make(shop, given(back), at=LATER)
    assert events_deliver(now=LATER) == 1
    assert Reward.objects.count() == 1


def test_campaigns_without_return_vouchers_publish_nothing() -> None:
    shop = shop_make()
    redemption = confirmed_make(shop)
    cancel(redemption)
    assert not OutboxEvent.objects.filter(topic__startswith="redemption.").exists()


def test_a_refund_that_leaves_enough_changes_nothing_and_the_next_takes_it_back() -> None:
    shop, back = returns_shop()
    redemption = confirmed_make(shop)
    events_deliver()
    refund(redemption, 2_000)
    assert states(back) == ("ISSUED", "ACTIVE")
    assert outstanding(back) == 1_000
    refund(redemption, 1)
    assert states(back) == ("VOIDED", "VOIDED")
    assert Reward.objects.get().reversed_at == LATER
    assert outstanding(back) == 0
    back.refresh_from_db()
    assert (back.issued, back.returned_units) == (1, 1)
    assert checks_failing() == {}


def test_a_cancel_that_overtakes_leaves_nothing_to_give() -> None:
    shop, back = returns_shop()
    redemption = confirmed_make(shop)
    accepted(redemptions_cancel(commands=[cancel_command(redemption, at=LATER)]))
    assert events_deliver(now=LATER) == 1
    assert not Voucher.objects.filter(batch=back).exists()
    assert not Reward.objects.exists()


def test_a_used_one_is_flagged_and_void_once_its_own_payment_is_undone() -> None:
    shop, back = returns_shop()
    redemption = confirmed_make(shop)
    events_deliver()
    used = confirmed_make(shop, given(back), at=LATER)
    cancel(redemption)
    assert states(back) == ("FLAGGED", "REDEEMED")
    item = ExceptionItem.objects.get()
    assert (item.kind, item.amount_fen, item.state) == ("RETURN_USED", 1_000, "OPEN")
    assert item.data["redemption"] == str(used)
    assert rewards_sweep(now=LATER) == 0
    cancel(used)
    assert rewards_sweep(now=LATER) == 1
    assert states(back) == ("VOIDED", "VOIDED")
    item.refresh_from_db()
    assert (item.state, item.resolved_at) == ("RESOLVED", LATER)
    assert rewards_sweep(now=LATER) == 0
    assert checks_failing() == {}


def test_one_on_hold_is_void_after_its_hold() -> None:
    shop, back = returns_shop()
    redemption = confirmed_make(shop)
    events_deliver()
    held = held_make(shop, given(back), at=LATER)
    cancel(redemption)
    assert states(back) == ("ISSUED", "HELD")
    assert rewards_sweep(now=LATER) == 0
    accepted(redemptions_release(commands=[release_command(held, at=LATER)]))
    rewards_sweep(now=LATER)
    assert states(back) == ("VOIDED", "VOIDED")
    assert checks_failing() == {}


def test_limits_and_stock_refuse_and_say_why() -> None:
    shop, back = returns_shop(count=1)
    (first,) = vouchers_issued(shop.batch)
    confirmed_make(shop, first)
    (second,) = vouchers_issued(shop.batch, enrolments=[holder_of(first)])
    confirmed_make(shop, second)
    events_deliver()
    assert list(Reward.objects.order_by("pk").values_list("state", "refusals")) == [
        ("ISSUED", []),
        ("REFUSED", ["claim.person_limit"]),
    ]
    assert Voucher.objects.filter(batch=back).count() == 1


def test_nobody_claims_one() -> None:
    shop, back = returns_shop()
    (outcome,) = vouchers_claim(commands=[claim_command(back, enrolment_make(), at=AT)])
    assert [refusal.code for refusal in outcome.refusals] == ["access.not_found"]
    offered = batches_offered(shop.live.campaign.owner_region, now=AT)
    assert list(offered) == [shop.batch]


def test_the_database_keeps_a_purchase_from_two_rewards() -> None:
    shop, _back = returns_shop()
    confirmed_make(shop)
    events_deliver()
    reward = Reward.objects.get()
    reward.pk = None
    reward.claim_id = UUID(int=1)
    with pytest.raises(IntegrityError, match="reward_once_per_purchase"), transaction.atomic():
        Reward.objects.bulk_create([Reward(**_columns(reward))])
    for change in ("state = 'REFUSED'", "order_fen = 1", "batch_id = gen_random_uuid()"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE redemption_reward SET {change}")


def _columns(reward: Reward) -> dict[str, object]:
    names = [field.attname for field in Reward._meta.concrete_fields if field.name != "id"]
    return {name: getattr(reward, name) for name in names}
