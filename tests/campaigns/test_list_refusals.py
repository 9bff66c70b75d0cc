"""Lists of stores that cannot be made or submitted; nothing is kept of them."""

from typing import Any

import pytest

from campaigns.errors import WhitelistEmptyError, WhitelistStoresUnknownError
from campaigns.models import Whitelist
from campaigns.services.whitelists import whitelist_build, whitelist_submit
from core.access.models import Role
from core.approvals.models import Approval
from core.audit.models import AuditEvent
from tests.factories.merchants import merchant_make, store_make
from tests.factories.running import BEFORE, campaign_approved
from tests.factories.staff import staff_make

pytestmark = pytest.mark.django_db
BEIJING = "110000"


def test_a_list_without_stores_is_neither_made_nor_submitted() -> None:
    campaign, actor = campaign_approved(), staff_make(Role.LIST_MAKER)
    common: dict[str, Any] = {"actor": actor, "now": BEFORE}
    for numbers in ([], ["", "  "]):
        with pytest.raises(WhitelistEmptyError):
            whitelist_build(campaign_id=campaign.pk, store_nos=numbers, **common)
    assert not Whitelist.objects.exists()
    made = whitelist_build(campaign_id=campaign.pk, store_nos=[store_make().store_no], **common)
    made.entries.all().delete()
    before = Approval.objects.count(), AuditEvent.objects.count()
    with pytest.raises(WhitelistEmptyError):
        whitelist_submit(whitelist_id=made.pk, **common)
    made.refresh_from_db()
    assert made.state == "DRAFT"
    assert (Approval.objects.count(), AuditEvent.objects.count()) == before


def test_a_list_names_every_store_that_cannot_take_part() -> None:
    campaign = campaign_approved()
    good = store_make().store_no
    far = store_make(region=BEIJING).store_no
    gone = store_make(merchant_make(state="REMOVED")).store_no
    with pytest.raises(WhitelistStoresUnknownError) as refused:
        whitelist_build(
            campaign_id=campaign.pk,
            store_nos=[good, "S404", far, gone],
            actor=staff_make(Role.LIST_MAKER),
            now=BEFORE,
        )
    assert [(one.name, one.reason) for one in refused.value.invalid_params] == [
        ("S404", "门店编号不存在"),
        (far, "门店不在活动地区内"),
        (gone, "商户已清退"),
    ]
    assert not Whitelist.objects.exists()
