"""The factory of campaigns gives rows that agree with the ledger."""

import pytest

from core.models import Account
from tests.factories.campaigns import BatchPlan, campaign_live
from tests.factories.merchants import store_make

pytestmark = pytest.mark.django_db


def test_live_campaign_has_money_reserved_and_allocated() -> None:
    store = store_make()
    live = campaign_live(batches=[BatchPlan(units=100, open_units=40)], stores=[store])

    balances = {
        (account.kind, account.funder_id): account.balance_fen
        for account in Account.objects.filter(campaign_id=live.campaign.pk)
    }
    treasury, bank, merchants = (funder.pk for funder in live.funders)
    assert balances[("RESERVED", treasury)] == 80_000
    assert balances[("ALLOCATED", treasury)] == 120_000
    assert balances[("CASH", treasury)] == 200_000
    assert balances[("FUNDER_RECEIVABLE", bank)] == 70_000
    assert balances[("CONCESSION", merchants)] == 30_000
    live.campaign.refresh_from_db()
    live.batch.refresh_from_db()
    assert (live.campaign.state, live.batch.released, live.release.opened_units) == (
        "LIVE",
        40,
        40,
    )
    assert list(live.whitelist.entries.values_list("store_id", flat=True)) == [store.pk]
