"""Forecasts of packs, claimed whole and used voucher by voucher, and of audiences."""

import pytest

from tests.factories.packs import pack_document
from tests.redemption.test_forecast import assert_identities, document, only, played

pytestmark = pytest.mark.django_db


def test_a_pack_gives_its_vouchers_and_is_used_by_them() -> None:
    forecast = played(pack_document(), persons=50)
    pack, *parts = forecast.batches
    assert (pack.pack, pack.released) == (True, 10)
    assert [one.claimed for one in parts] == [2 * pack.claimed, 2 * pack.claimed, pack.claimed]
    assert pack.claimed > 0
    assert forecast.total("claimed") == 5 * pack.claimed
    assert_identities(forecast)


def test_of_those_who_come_for_an_audience_a_share_is_on_no_list() -> None:
    aimed = document(audience={"code": "seniors", "name": "老人"})
    batch = only(played(aimed, persons=100, outsiders=200))
    assert (batch.refused, batch.claimed) == ({"claim.not_in_audience": 20}, 80)
    assert only(played(persons=100, outsiders=200)).claimed == 100
