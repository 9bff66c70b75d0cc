"""The proof of a wave in a database of its own."""

import pytest
from django.db import connections

from core.embedded.record import ServiceUrls
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.claims import vouchers_issued
from vouchers.models import QuotaRelease
from vouchers.services.release_proofs import releases_prove


@pytest.mark.broken_books
def test_a_wave_that_does_not_add_up_hinders_no_other(
    own_database: ServiceUrls,
) -> None:
    plan = BatchPlan(units=3)
    broken, sound = (campaign_live(batches=[plan]) for _ in range(2))
    for live in (broken, sound):
        vouchers_issued(live.batch, 3, at=OPENED_AT)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE vouchers_claim DISABLE TRIGGER USER")
        cursor.execute(
            "DELETE FROM vouchers_claim WHERE id ="
            " (SELECT id FROM vouchers_claim WHERE batch_id = %s LIMIT 1)",
            [broken.batch.pk],
        )
    assert releases_prove(now=OPENED_AT) == 1
    proved = QuotaRelease.objects.filter(proved_at__isnull=False)
    assert list(proved.values_list("pk", "claimed_units")) == [(sound.release.pk, 3)]
