"""Lists of campaigns and vouchers ask the database equally often, however many rows they show."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Campaign, Funding, Version, Whitelist, WhitelistEntry
from core.access.models import Role
from core.clock import clock_forget
from tests.factories.campaigns import BatchPlan, campaign_live
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make, store_make
from tests.factories.persons import enrolment_make
from tests.factories.staff import staff_make
from vouchers.models import Batch, BatchVersion, Claim, QuotaRelease, QuotaSlice, Voucher
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db
MODELS: tuple[Any, ...] = (
    Campaign,
    Version,
    Funding,
    Whitelist,
    WhitelistEntry,
    Batch,
    BatchVersion,
    QuotaRelease,
    QuotaSlice,
    Claim,
    Voucher,
)


def rows_make() -> None:
    live = campaign_live(batches=[BatchPlan(), BatchPlan(limits=())], stores=[store_make()])
    commands = [
        claim_command(batch, enrolment_make(client_make()), at=live.releases[0].slot)
        for batch in live.batches
    ]
    for command in commands:
        assert [one.outcome for one in vouchers_claim(commands=[command])] == ["ACCEPTED"]


def queries(client: Client, url: str) -> int:
    # The clock's row is read at most every 200 ms: read it on every page that is counted.
    clock_forget()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("model", MODELS, ids=[model.__name__ for model in MODELS])
def test_a_list_asks_equally_often(model: Any) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    client = Client()
    client.force_login(staff_make(Role.CAMPAIGN_MAKER))
    rows_make()
    queries(client, url)
    few = queries(client, url)
    for _turn in range(3):
        rows_make()
    assert queries(client, url) <= few
