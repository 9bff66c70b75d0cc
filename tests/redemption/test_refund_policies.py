"""The refund policies through the service: where the money and the voucher go."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import pytest

from redemption.models import Redemption
from redemption.services.cancel import redemptions_cancel
from redemption.services.hold import redemptions_hold
from redemption.services.refund import redemptions_refund
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    Shop,
    cancel_command,
    confirmed_make,
    hold_command,
    refund_command,
    shop_make,
)
from tests.invariants.helpers import checks_failing
from tests.redemption.test_hold_confirm import TWICE, balance, codes
from vouchers.models import Batch, Limit, LimitUse
from vouchers.rules.model import RefundPolicy

pytestmark = pytest.mark.django_db
SOON = AT + timedelta(minutes=10)
NOTHING = [0, 0, 0]
ALL = [2_000, 700, 300]


def shop_of(policy: RefundPolicy) -> Shop:
    return shop_make(
        batches=[BatchPlan(limits=(TWICE,), rules={"realname": False, "refund_policy": policy})]
    )


def owed(shop: Shop, redemption_id: UUID) -> list[int]:
    payee = Redemption.objects.get(pk=redemption_id).payee_id
    return balance(shop, "PAYABLE", payee)


class Left(NamedTuple):
    """What a refund of everything leaves: the voucher's state, balances, uses of the limit."""

    state: str
    outstanding: list[int] = NOTHING
    given_back: list[int] = NOTHING
    payable: list[int] = NOTHING
    uses: int = 1


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("PRO_RATA_KEEP_USED", Left("ACTIVE", outstanding=ALL, uses=0)),
        ("ALWAYS_CONSUMED", Left("REDEEMED", given_back=ALL)),
        ("OWN_MONEY_FIRST", Left("ACTIVE", outstanding=ALL, uses=0)),
        ("CASH_ONLY", Left("REDEEMED", payable=[2_000, 700, 0])),
        ("QUOTA_CONSUMED", Left("VOIDED", given_back=ALL)),
    ],
)
def test_all_of_it_in_validity(policy: RefundPolicy, left: Left) -> None:
    shop = shop_of(policy)
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    before = balance(shop, "ALLOCATED")
    (outcome,) = redemptions_refund(commands=[refund_command(redemption_id, 10_000, at=SOON)])
    assert outcome.fact is not None
    assert outcome.fact.payer_fen == 7_000
    voucher.refresh_from_db()
    allocated = zip(balance(shop, "ALLOCATED"), before, strict=True)
    assert left == Left(
        state=voucher.state,
        outstanding=balance(shop, "OUTSTANDING"),
        given_back=[new - old for new, old in allocated],
        payable=owed(shop, redemption_id),
        uses=LimitUse.objects.get(limit_id=Limit.objects.get(side="REDEMPTION").pk).used,
    )
    assert checks_failing() == {}


@pytest.mark.parametrize("policy", ["PRO_RATA_KEEP_USED", "OWN_MONEY_FIRST", "QUOTA_CONSUMED"])
def test_all_of_it_after_expiry_expires_the_voucher(policy: RefundPolicy) -> None:
    shop = shop_of(policy)
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    (outcome,) = redemptions_refund(
        commands=[refund_command(redemption_id, 10_000, at=voucher.valid_until)]
    )
    assert outcome.fact is not None
    assert (outcome.fact.payer_fen, outcome.fact.voucher_fate) == (7_000, "EXPIRED")
    assert checks_failing() == {}


def test_a_voided_voucher_is_gone_and_its_unit_may_be_released_again() -> None:
    shop = shop_of("QUOTA_CONSUMED")
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    redemptions_refund(commands=[refund_command(redemption_id, 10_000, at=SOON)])
    again = hold_command(shop.payment(voucher=voucher, at=SOON))
    (refused,) = redemptions_hold(commands=[again])
    assert codes(refused) == ["voucher.voided", "redemption.person_limit"]
    assert Batch.objects.get(pk=shop.batch.pk).returned_units == 1


def test_own_money_comes_first_slice_by_slice() -> None:
    shop = shop_of("OWN_MONEY_FIRST")
    redemption_id = confirmed_make(shop)
    outcomes = redemptions_refund(
        commands=[refund_command(redemption_id, fen, at=SOON) for fen in (5_000, 3_000, 2_000)]
    )
    facts = [one.fact for one in outcomes if one.fact]
    assert [(one.payer_fen, one.subsidy_fen) for one in facts] == [
        (5_000, 0),
        (2_000, 1_000),
        (0, 2_000),
    ]
    assert owed(shop, redemption_id) == NOTHING
    assert checks_failing() == {}


@pytest.mark.parametrize("policy", ["ALWAYS_CONSUMED", "CASH_ONLY", "QUOTA_CONSUMED"])
def test_a_cancel_undoes_everything_whatever_the_policy(policy: RefundPolicy) -> None:
    shop = shop_of(policy)
    (voucher,) = vouchers_issued(shop.batch)
    redemption_id = confirmed_make(shop, voucher)
    (outcome,) = redemptions_cancel(commands=[cancel_command(redemption_id, at=SOON)])
    assert outcome.fact is not None
    assert outcome.fact.voucher_fate == "RETURNED"
    voucher.refresh_from_db()
    assert voucher.state == "ACTIVE"
    assert checks_failing() == {}
