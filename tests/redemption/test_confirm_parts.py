"""A confirm whose parts are not those of its voucher is refused by the books, not booked askew."""

import pytest
from django.db import DatabaseError

from core.embedded.record import ServiceUrls
from core.ledger.models import Posting
from redemption.models import RedemptionLine
from redemption.services.confirm import redemptions_confirm
from tests.factories.claims import vouchers_issued
from tests.factories.redemption import confirm_command, held_make, shop_make
from tests.invariants.helpers import corrupt


@pytest.mark.broken_books
def test_a_funder_asked_for_more_than_his_part_stops_the_entry(own_database: ServiceUrls) -> None:
    """What others hold would cover it, so that no balance shows it."""
    shop = shop_make()
    asked, _ = (held_make(shop, voucher=one) for one in vouchers_issued(shop.batch, 2))
    line = RedemptionLine.objects.get(redemption_id=asked)
    assert min(line.parts) > 0
    corrupt(
        "UPDATE redemption_redemptionline SET parts[1] = parts[1] + 1, parts[2] = parts[2] - 1"
        " WHERE id = %s",
        [line.pk],
        disable=["redemption_redemptionline"],
    )
    before = Posting.objects.count()
    with pytest.raises(DatabaseError, match="negative amount"):
        redemptions_confirm(commands=[confirm_command(asked)])
    assert Posting.objects.count() == before
