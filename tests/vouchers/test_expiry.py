"""The sweep: state and money follow the end of a voucher, five minutes late, in chunks."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from core.models import Account, Entry
from tests.factories.campaigns import OPENED_AT, BatchPlan, LiveCampaign, campaign_live
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make
from tests.factories.running import balances
from vouchers.models import Batch, Voucher
from vouchers.services import expiry
from vouchers.services.claims import vouchers_claim
from vouchers.services.expiry import vouchers_expire

pytestmark = pytest.mark.django_db
VALID_UNTIL = OPENED_AT + timedelta(hours=72)
SWEPT = VALID_UNTIL + timedelta(minutes=5)


def issued(count: int, *, face_fen: int = 2_000) -> LiveCampaign:
    live = campaign_live(batches=[BatchPlan(face_fen=face_fen, units=10)])
    client = client_make()
    commands = [
        claim_command(live.batch, enrolment_make(client), at=OPENED_AT) for _ in range(count)
    ]
    assert {one.outcome for one in vouchers_claim(commands=commands)} == {"ACCEPTED"}
    return live


def states() -> list[str]:
    return list(Voucher.objects.order_by("number").values_list("state", flat=True))


def test_vouchers_past_their_end_expire_and_their_money_comes_back() -> None:
    live = issued(3)
    assert balances(live.campaign)["OUTSTANDING"] == 6_000
    assert vouchers_expire(now=SWEPT - timedelta(seconds=1)) == 0
    assert vouchers_expire(now=SWEPT) == 3
    assert states() == ["EXPIRED"] * 3
    books = balances(live.campaign)
    assert "OUTSTANDING" not in books
    assert (books["ALLOCATED"], books["RESERVED"]) == (6_000, 14_000)
    batch = Batch.objects.get(pk=live.batch.pk)
    assert (batch.returned_units, batch.issued, batch.released) == (3, 3, 10)
    assert Entry.objects.filter(code="EXPIRE").count() == 1
    assert vouchers_expire(now=SWEPT) == 0


def test_a_frozen_voucher_expires_and_one_on_hold_does_not() -> None:
    live = issued(3)
    first, second, _third = Voucher.objects.order_by("number")
    Voucher.objects.filter(pk=first.pk).update(state="FROZEN")
    Voucher.objects.filter(pk=second.pk).update(state="HELD")
    assert vouchers_expire(now=SWEPT) == 2
    assert states() == ["EXPIRED", "HELD", "EXPIRED"]
    assert balances(live.campaign)["OUTSTANDING"] == 2_000


def test_chunks_have_one_entry_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "CHUNK", 2)
    issued(5)
    assert vouchers_expire(now=SWEPT) == 5
    assert Entry.objects.filter(code="EXPIRE").count() == 3


def test_parts_go_back_to_whom_they_came_from() -> None:
    live = issued(2, face_fen=1_001)
    parts = list(Voucher.objects.order_by("number").values_list("parts", flat=True))
    assert parts == [[667, 233, 101], [667, 234, 100]]
    before = [_balance(live, funder.pk) for funder in live.funders]
    vouchers_expire(now=_late())
    after = [_balance(live, funder.pk) for funder in live.funders]
    assert [new - old for old, new in zip(before, after, strict=True)] == [1_334, 467, 201]


def _balance(live: LiveCampaign, funder_id: UUID) -> int:
    accounts = Account.objects.filter(
        campaign_id=live.campaign.pk, funder_id=funder_id, kind="ALLOCATED"
    )
    return sum(accounts.values_list("balance_fen", flat=True))


def _late() -> datetime:
    return SWEPT + timedelta(days=1)
