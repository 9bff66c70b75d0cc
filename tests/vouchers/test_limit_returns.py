"""A voucher that expires unused gives its unit back, where the limit says so (domain-rules §4)."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import translation

from campaigns.definition.document import definition_build
from tests.campaigns.test_definition_files import problems
from tests.factories.campaigns import (
    DAILY_LIMIT,
    OPENED_AT,
    BatchPlan,
    LiveCampaign,
    campaign_live,
)
from tests.factories.claims import claim_command
from tests.factories.definitions import document_make
from tests.factories.packs import ONE_EACH, pack_document
from tests.factories.persons import enrolment_make
from tests.invariants.helpers import assert_sound
from vouchers.identity import identity_token
from vouchers.models import Claim, Enrolment, IdentityKey, LimitUse, Voucher
from vouchers.rules.limit_words import limit_words
from vouchers.services.claims import vouchers_claim
from vouchers.services.expiry import vouchers_expire

pytestmark = pytest.mark.django_db
ONCE = msgspec.structs.replace(
    DAILY_LIMIT, code="once", window="TOTAL", keys=("DOCUMENT", "DEVICE"), gives_back=True
)
SWEPT = OPENED_AT + timedelta(hours=73)
DEVICE = identity_token("DEVICE", "phone-0000001")


def live_with(*limits: Any) -> LiveCampaign:
    return campaign_live(batches=[BatchPlan(units=10, limits=limits)])


def claimed(live: LiveCampaign, person: Enrolment, at: Any, **more: Any) -> list[str]:
    command = claim_command(live.batch, person, at=at, **more)
    (outcome,) = vouchers_claim(commands=[command])
    return [one.code for one in outcome.refusals]


def test_who_let_a_voucher_expire_may_claim_again() -> None:
    live, person = live_with(ONCE), enrolment_make()
    assert claimed(live, person, OPENED_AT, device=DEVICE) == []
    assert claimed(live, person, OPENED_AT) == ["claim.person_limit"]
    assert sorted(LimitUse.objects.values_list("used", flat=True)) == [1, 1, 1]
    assert vouchers_expire(now=SWEPT) == 1
    # On the account's document and device, and on the device that only the request named.
    assert sorted(LimitUse.objects.values_list("used", flat=True)) == [0, 0, 0]
    assert claimed(live, person, SWEPT, device=DEVICE) == []
    assert claimed(live, person, SWEPT) == ["claim.person_limit"]
    assert_sound()


def test_control_without_it_an_expired_claim_stays_counted() -> None:
    live = live_with(msgspec.structs.replace(ONCE, gives_back=False))
    person = enrolment_make()
    assert claimed(live, person, OPENED_AT) == []
    assert vouchers_expire(now=SWEPT) == 1
    assert claimed(live, person, SWEPT) == ["claim.person_limit"]


def test_each_limit_says_it_for_itself() -> None:
    week = msgspec.structs.replace(ONCE, code="week", window="WEEK", count=3)
    total = msgspec.structs.replace(ONCE, code="total", count=5, gives_back=False)
    live, person = live_with(week, total), enrolment_make()
    for _ in range(2):
        assert claimed(live, person, OPENED_AT) == []
    used = Voucher.objects.earliest("number")
    Voucher.objects.filter(pk=used.pk).update(state="HELD")
    assert vouchers_expire(now=SWEPT) == 1
    # Two claimed, one of them on hold and one expired.
    assert sorted(LimitUse.objects.values_list("used", flat=True)) == [1, 1, 2, 2]


def test_a_key_that_came_later_is_not_given_what_it_never_counted() -> None:
    live, person = live_with(ONCE), enrolment_make()
    assert claimed(live, person, OPENED_AT) == []
    other = enrolment_make()
    assert claimed(live, other, OPENED_AT, device=DEVICE) == []
    # The first person's account gets the other's device afterwards.
    device = Claim.objects.get(enrolment=other).device
    assert device is not None
    person.keys.create(key=device, kind="DEVICE", valid_from=OPENED_AT + timedelta(seconds=1))
    Voucher.objects.filter(enrolment=other).update(state="HELD")
    assert vouchers_expire(now=SWEPT) == 1
    assert used_by_kind() == {"DEVICE": [0, 1, 1], "DOCUMENT": [0, 1]}


def used_by_kind() -> dict[str, list[int]]:
    kinds = dict(IdentityKey.objects.values_list("pk", "kind"))
    found: dict[str, list[int]] = {}
    for key_id, used in LimitUse.objects.order_by("used").values_list("key_id", "used"):
        found.setdefault(kinds[key_id], []).append(used)
    return found


def test_definitions_say_it_only_where_it_means_something() -> None:
    reason = "只用于领取，且不用于每轮限制与券包（过期未用退回次数）"
    document = document_make()
    limit = document["batches"][0]["rules"]["limits"][0]
    limit["gives_back"] = True
    definition_build(document)
    limit |= {"scope": "BATCH", "window": "WAVE"}
    assert problems(document) == [("batches[0].rules.limits[0].gives_back", reason)]
    limit |= {"window": "DAY", "side": "REDEMPTION"}
    assert ("batches[0].rules.limits[0].gives_back", reason) in problems(document)
    pack = pack_document()
    pack["batches"][0]["rules"]["limits"] = [{**ONE_EACH, "gives_back": True}]
    assert problems(pack) == [("batches[0].rules.limits[0].gives_back", reason)]


def test_citizens_read_it_in_both_languages() -> None:
    assert limit_words(ONCE).endswith("合并计算）；过期未用的不占次数")
    with translation.override("en"):
        assert limit_words(ONCE).endswith("; a voucher that expires unused does not count")
