"""The figures of a small campaign, worked out by hand."""

from datetime import timedelta
from fractions import Fraction

import pytest

from redemption.services.cancel import redemptions_cancel
from redemption.settlement.metrics import (
    campaign_breakdown,
    campaign_metrics,
    funding_progress,
    leverage_warning,
    ratio,
    settlement_identity,
)
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import (
    AT,
    accepted,
    cancel_command,
    confirmed_make,
    held_make,
    shop_make,
)
from tests.redemption.settlement.factories import built, paid, reduced

pytestmark = pytest.mark.django_db
SOON = AT + timedelta(hours=1)


def test_figures_of_a_day() -> None:
    shop = shop_make()
    campaign = shop.live.campaign.pk
    first = confirmed_make(shop)
    second = confirmed_make(shop)
    confirmed_make(shop)
    held_make(shop)
    vouchers_issued(shop.batch, 2)
    accepted(redemptions_cancel(commands=[cancel_command(second, at=AT)]))
    reduced(first, 1_500, AT)
    figures = campaign_metrics(campaign_id=campaign, until=SOON)
    assert (figures.released_units, figures.released_fen) == (100, 300_000)
    assert (figures.claimed_units, figures.claimed_fen, figures.claimants) == (6, 18_000, 6)
    assert (figures.payments, figures.cancels, figures.refunds) == (3, 1, 1)
    assert (figures.redeemed_units, figures.redeemed_fen) == (2, 6_000)
    assert (figures.person_times, figures.persons) == (2, 2)
    assert (figures.merchants_active, figures.stores_active) == (1, 1)
    # 3 × 100.00 less a cancelled 100.00 and a refunded 50.00.
    assert (figures.order_fen, figures.order_net_fen) == (30_000, 15_000)
    assert (figures.subsidy_fen, figures.subsidy_net_fen) == (9_000, 4_500)
    assert [(share.gross_fen, share.net_fen) for share in figures.funders] == [
        (6_000, 3_000),
        (2_100, 1_050),
        (900, 450),
    ]
    assert figures.concession_fen == 900
    assert figures.rate_by_count == Fraction(2, 6)
    assert figures.rate_by_amount == Fraction(6_000, 18_000)
    assert figures.leverage_government == 5
    assert figures.leverage_all == Fraction(15_000, 4_500)
    assert figures.leverage_issued == Fraction(15_000, 18_000)
    for dimension in ("tier", "industry", "city", "acquirer"):
        (row,) = campaign_breakdown(campaign_id=campaign, dimension=dimension, until=SOON)
        assert (row.payments, row.vouchers) == (2, 2)
        assert (row.order_net_fen, row.subsidy_net_fen) == (15_000, 4_500)


def test_nothing_happened_is_no_division() -> None:
    shop = shop_make()
    figures = campaign_metrics(campaign_id=shop.live.campaign.pk, until=AT)
    assert (figures.payments, figures.rate_by_count, figures.leverage_all) == (0, None, None)
    assert ratio(1, 0) is None
    assert not leverage_warning(None)
    assert (leverage_warning(Fraction(2)), leverage_warning(Fraction(8))) == (True, False)


def test_settled_money_agrees_with_redemptions_and_shows_its_progress() -> None:
    shop = shop_make()
    campaign = shop.live.campaign.pk
    first = confirmed_make(shop)
    confirmed_make(shop)
    reduced(first, 1_500, AT)
    assert not settlement_identity(campaign_id=campaign).holds
    paid(built(shop))
    identity = settlement_identity(campaign_id=campaign)
    assert (identity.settlement_fen, identity.paid_fen, identity.owed_fen) == (4_050, 4_050, 0)
    assert identity.holds
    treasury, bank, merchant = funding_progress(campaign_id=campaign)
    assert (treasury.quota_fen, treasury.received_fen, treasury.settled_fen) == (
        200_000,
        200_000,
        3_000,
    )
    assert (bank.received_fen, bank.advanced_fen, bank.settled_fen) == (0, 1_050, 1_050)
    assert (merchant.settled_fen, merchant.pending_fen) == (0, 0)
    assert treasury.left_fen == 197_000
