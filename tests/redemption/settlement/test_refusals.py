"""What settlement refuses, with its code; nothing of it moves money or writes a row."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from core.approvals.models import Approval
from core.errors import DomainError
from core.ledger.models import Entry
from redemption.models import Redemption
from redemption.settlement.errors import (
    BatchNotBuiltError,
    NothingToRepayError,
    NothingToSuspendError,
    RecoveryConflictError,
    RepaymentRecordedError,
)
from redemption.settlement.models import FrozenFact, MerchantRepayment, SettlementBatch
from redemption.settlement.recon.days import suspense_submit
from redemption.settlement.services import build as build_module
from redemption.settlement.services.lifecycle import settlement_check
from redemption.settlement.services.repayments import repayment_record
from tests.factories.campaigns import later
from tests.factories.redemption import Shop, confirmed_make, shop_make
from tests.invariants.helpers import checks_failing
from tests.redemption.settlement.factories import (
    DAY,
    NIGHT,
    approved,
    balances,
    build,
    built,
    maker_make,
    reduced,
)
from tests.redemption.settlement.test_freezes import case_make, freeze, recover
from tests.redemption.settlement.test_recon import imported, ours
from vouchers.services.expiry import vouchers_expire

pytestmark = pytest.mark.django_db
NEXT_DAY = DAY + timedelta(days=1)
NEXT_NIGHT = NIGHT + timedelta(days=1)


def refused(error: type[DomainError], shop: Shop, act: Callable[[], object]) -> DomainError:
    """Assert that something is refused and books nothing."""
    before = balances(shop), Entry.objects.count(), Approval.objects.count()
    with pytest.raises(error) as caught:
        act()
    assert (balances(shop), Entry.objects.count(), Approval.objects.count()) == before
    return caught.value


def test_a_batch_whose_build_was_interrupted_is_not_checked_until_it_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = shop_make()
    confirmed_make(shop)

    def dies(*_args: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(build_module, "_finish", dies)
        with pytest.raises(InterruptedError):
            build(shop)
    batch = SettlementBatch.objects.get()
    actor = maker_make()
    refused(
        BatchNotBuiltError,
        shop,
        lambda: settlement_check(batch_id=batch.pk, actor=actor, now=NIGHT),
    )
    batch.refresh_from_db()
    assert (batch.state, batch.built_at, batch.checked_at) == ("DRAFT", None, None)
    assert built(shop) == batch
    assert settlement_check(batch_id=batch.pk, actor=actor, now=NIGHT).state == "CHECKED"


def test_a_merchant_pays_back_what_is_carried_over_and_no_more() -> None:
    shop = shop_make()
    first = confirmed_make(shop)
    approved(built(shop))
    reduced(first, 3_000, NIGHT)
    built(shop, NEXT_DAY, NEXT_NIGHT)
    before = balances(shop)
    assert before["MERCHANT_RECEIVABLE"] == 2_700
    asked: dict[str, Any] = {
        "campaign_id": shop.live.campaign.pk,
        "payee_id": Redemption.objects.get(pk=first).payee_id,
        "funder_id": shop.batch.funder_ids[0],
        "amount_fen": 2_000,
        "document_no": "回单1号",
        "value_date": NEXT_DAY,
        "actor": maker_make(),
        "now": NEXT_NIGHT,
    }

    def record(**changes: Any) -> MerchantRepayment:
        return repayment_record(**asked | changes)

    for fen in (0, -1, 2_001):
        error = refused(NothingToRepayError, shop, partial(record, amount_fen=fen))
        assert error.data == {"limit_fen": 2_000}
    assert not MerchantRepayment.objects.exists()
    repayment = record()
    after = balances(shop)
    assert after["MERCHANT_RECEIVABLE"] == 700
    assert after["CASH"] == before["CASH"] + 2_000
    # The same document again is the same repayment; with another amount it is none.
    assert record() == repayment
    refused(RepaymentRecordedError, shop, lambda: record(amount_fen=1_999))
    error = refused(NothingToRepayError, shop, lambda: record(document_no="回单2号"))
    assert error.data == {"limit_fen": 0}
    assert MerchantRepayment.objects.get() == repayment
    vouchers_expire(now=NIGHT + timedelta(days=30))
    assert checks_failing() == {}


def test_money_whose_refund_was_netted_already_is_not_recovered() -> None:
    """The refund's 13.50 were taken from another payment, which is already settled."""
    shop = shop_make()
    suspect = confirmed_make(shop)
    first = built(shop)
    reduced(suspect, 1_500, NIGHT)
    confirmed_make(shop, at=later(days=1, hours=2))
    second = built(shop, NEXT_DAY, NEXT_NIGHT)
    assert (first.payout_fen, second.payout_fen) == (2_700, 1_350)
    approved(second)
    case = case_make(shop)
    assert freeze(case, suspect) == 2_700
    refused(RecoveryConflictError, shop, lambda: recover(case))
    frozen = FrozenFact.objects.get()
    assert (frozen.state, frozen.closed_at) == ("ACTIVE", None)


def test_a_day_without_differences_has_no_list_to_suspend() -> None:
    shop = shop_make()
    confirmed_make(shop)
    day = imported(shop, ours(shop)).day
    assert day is not None
    maker = maker_make()
    refused(
        NothingToSuspendError,
        shop,
        lambda: suspense_submit(day_id=day.pk, maker=maker, now=NIGHT),
    )
