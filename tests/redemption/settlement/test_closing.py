"""Open differences and cases keep a campaign from its close."""

from dataclasses import replace
from datetime import timedelta

import pytest

from campaigns.closing import close_blockers
from core.models import Case
from redemption.settlement.models import Discrepancy
from redemption.settlement.states import DiscrepancyState
from tests.factories.redemption import AT, confirmed_make, shop_make
from tests.redemption.settlement.factories import DAY, NIGHT, built
from tests.redemption.settlement.test_recon import TRADE, imported, ours

pytestmark = pytest.mark.django_db
DIFFERENCES, CASES = "对账差错", "风险核查单"


def test_differences_of_the_campaign_are_open_until_explained() -> None:
    shop, other = shop_make(), shop_make()
    for one in (shop, other):
        confirmed_make(one)
        confirmed_make(one, at=AT + timedelta(minutes=1))
    built(shop)
    alien = replace(TRADE, trade_no="nobody-knows")
    imported(shop, [ours(shop)[0], alien])
    blockers = dict(close_blockers(shop.live.campaign.pk))
    assert blockers[DIFFERENCES] == "尚有 2 笔未说明"
    assert DIFFERENCES not in dict(close_blockers(other.live.campaign.pk))
    for found in Discrepancy.objects.all():
        Discrepancy.objects.filter(pk=found.pk).update(
            state=DiscrepancyState.EXPLAINED,
            resolution="机构漏报",
            evidence="函1号",
            resolved_at=NIGHT,
        )
    assert DIFFERENCES not in dict(close_blockers(shop.live.campaign.pk))


def test_a_case_is_open_until_decided() -> None:
    shop = shop_make()
    campaign = shop.live.campaign
    case = Case.objects.create(
        campaign_id=campaign.pk,
        subject_type="store",
        subject_id="1",
        owner_region=campaign.owner_region,
        opened_at=NIGHT,
        due_on=DAY,
    )
    assert dict(close_blockers(campaign.pk))[CASES] == "尚有 1 件未办结"
    Case.objects.filter(pk=case.pk).update(
        state="RELEASED", decided_at=NIGHT, decision_reason="排除嫌疑"
    )
    assert CASES not in dict(close_blockers(campaign.pk))
