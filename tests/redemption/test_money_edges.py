"""Payments at the edges: twins of one request, unknown calendars, taken codes, reused numbers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.clock import TIME_ZONE
from redemption.answers import confirm_answer
from redemption.models import ExceptionItem, PaymentCode
from redemption.payment_code_text import code_hash, code_text
from redemption.services import instants as instants_module
from redemption.services.cancel import redemptions_cancel
from redemption.services.choosing import Considered, consider
from redemption.services.confirm import redemptions_confirm
from redemption.services.facts import StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.payment_codes import (
    PaymentCodeCommand,
    payment_codes_create,
    payment_codes_find,
)
from redemption.services.requests import PaymentRequest
from tests.factories.claims import vouchers_issued
from tests.factories.persons import key_of
from tests.factories.redemption import (
    AT,
    accepted,
    cancel_command,
    confirm_command,
    held_make,
    hold_command,
    holder_of,
    shop_make,
)
from tests.redemption.test_hold_confirm import footprint
from vouchers.identity import identity_token
from vouchers.models import IdentityHash
from vouchers.models.persons import KeyKind

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("payer", ["voucher", "person"])
def test_a_twin_that_is_decided_in_between_makes_the_request_a_replay(
    payer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other of two equal requests commits after this one looked for its key."""
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    changes: dict[str, Any] = {"voucher_ids": (), "person_id": voucher.enrolment_id}
    payment = shop.payment(voucher=voucher, **(changes if payer == "person" else {}))
    command = hold_command(payment)
    first: list[StepOutcome] = []

    def consider_late(requests: Sequence[PaymentRequest]) -> list[Considered]:
        monkeypatch.setattr(instants_module, "consider", consider)
        first.extend(redemptions_hold(commands=[command]))
        (redemption_id,) = accepted(first)
        redemptions_confirm(commands=[confirm_command(redemption_id)])
        return consider(requests)

    monkeypatch.setattr(instants_module, "consider", consider_late)
    (outcome,) = redemptions_hold(commands=[command])
    assert (first[0].outcome, outcome.outcome) == ("ACCEPTED", "REPLAY")
    assert outcome.fact == first[0].fact


def test_a_confirm_does_not_fail_because_a_years_holidays_are_unknown() -> None:
    far = datetime(2031, 12, 30, 10, tzinfo=TIME_ZONE)
    shop = shop_make(
        starts_at=far - timedelta(days=2),
        opened_at=far - timedelta(hours=1),
        ends_at=far + timedelta(days=9),
    )
    (voucher,) = vouchers_issued(shop.batch, at=far - timedelta(minutes=5))
    held = held_make(shop, voucher, at=far)
    (outcome,) = redemptions_confirm(commands=[confirm_command(held, at=far)])
    assert outcome.outcome == "ACCEPTED"
    assert outcome.fact is not None
    assert "payout_expected_on" not in outcome.fact.detail
    assert confirm_answer(outcome.fact)["payout_expected_on"] is None


def test_digits_that_another_code_has_are_drawn_again_and_stay_the_same() -> None:
    shop = shop_make()
    (voucher,) = vouchers_issued(shop.batch)
    person = holder_of(voucher)
    token = identity_token(KeyKind.DEVICE, "device-of-a-person")
    IdentityHash.objects.create(
        key=key_of(person, KeyKind.DEVICE),
        kind=KeyKind.DEVICE,
        pepper_version=token.newest.version,
        key_hash=token.newest.digest,
    )
    command = PaymentCodeCommand(person.client_id, "code-key-00000000001", AT, person.pk, token)
    PaymentCode.objects.create(
        code_hash="0" * 64,
        numeric_hash=code_hash(code_text(person.client_id, command.idempotency_key).numeric) or "",
        client_id=person.client_id,
        enrolment=person,
        created_at=AT - timedelta(days=9),
        expires_at=AT - timedelta(days=8),
    )
    (first,) = payment_codes_create(commands=[command])
    (again,) = payment_codes_create(commands=[command])
    assert (first.outcome, again.outcome) == ("ACCEPTED", "REPLAY")
    assert first.made is not None
    assert again.made == first.made
    found = payment_codes_find([first.made.code.numeric, first.made.code.text])
    assert {row.enrolment_id for row in found.values()} == {person.pk}
    assert {row.expires_at for row in found.values()} == {first.made.expires_at}
    assert PaymentCode.objects.count() == 2


def test_one_order_takes_one_voucher_whoever_holds_it() -> None:
    """One government voucher per payment (domain-rules §3), also over several calls."""
    shop = shop_make()
    first, second, third = vouchers_issued(shop.batch, 3)
    commands = [
        hold_command(shop.payment(voucher=voucher), order_no="ORDER-1")
        for voucher in (first, second)
    ]
    together = redemptions_hold(commands=commands)
    assert [one.outcome for one in together] == ["ACCEPTED", "REFUSED"]
    assert [refusal.code for refusal in together[1].refusals] == ["redemption.stacking_not_allowed"]
    (held,) = accepted(together[:1])
    redemptions_confirm(commands=[confirm_command(held)])
    before = footprint()
    later_on = hold_command(
        shop.payment(voucher=third, at=AT + timedelta(hours=1)), order_no="ORDER-1"
    )
    (outcome,) = redemptions_hold(commands=[later_on])
    assert [refusal.code for refusal in outcome.refusals] == ["redemption.stacking_not_allowed"]
    assert footprint() == before
    # Undone as a whole, the order may be paid again.
    redemptions_cancel(commands=[cancel_command(held, at=AT + timedelta(minutes=5))])
    assert redemptions_hold(commands=[later_on])[0].outcome == "ACCEPTED"


def test_an_order_held_again_after_its_time_is_not_confirmed_twice() -> None:
    shop = shop_make()
    first, second = vouchers_issued(shop.batch, 2)
    orders = [
        hold_command(shop.payment(voucher=voucher, at=at), order_no="ORDER-1")
        for voucher, at in ((first, AT), (second, AT + timedelta(seconds=120)))
    ]
    (late,) = accepted(redemptions_hold(commands=orders[:1]))
    (fresh,) = accepted(redemptions_hold(commands=orders[1:]))
    outcomes = redemptions_confirm(
        commands=[
            confirm_command(fresh, at=AT + timedelta(seconds=130)),
            confirm_command(late, at=AT + timedelta(seconds=131)),
        ]
    )
    assert [one.outcome for one in outcomes] == ["ACCEPTED", "REFUSED"]
    assert [refusal.code for refusal in outcomes[1].refusals] == ["redemption.hold_expired"]
    assert ExceptionItem.objects.get().subject_id == str(late)
