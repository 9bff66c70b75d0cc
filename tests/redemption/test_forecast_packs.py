"""A forecast of packs: claimed whole, used voucher by voucher."""

import pytest

from tests.factories.packs import pack_document
from tests.redemption.test_forecast import assert_identities, played

pytestmark = pytest.mark.django_db


def test_a_pack_gives_its_vouchers_and_is_used_by_them() -> None:
    forecast = played(pack_document(), persons=50)
    pack, *parts = forecast.batches
    assert (pack.pack, pack.released) == (True, 10)
    assert [one.claimed for one in parts] == [2 * pack.claimed, 2 * pack.claimed, pack.claimed]
    assert pack.claimed > 0
    assert forecast.total("claimed") == 5 * pack.claimed
    assert_identities(forecast)
