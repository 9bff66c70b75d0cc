"""What runs by itself each night: built once, statements queued once, files missed once."""

import pytest

from core.jobs.models import Job
from redemption.models import ExceptionItem
from redemption.settlement.models import SettlementBatch
from redemption.settlement.schedules import TICK_JOBS
from tests.factories.redemption import confirmed_make, shop_make
from tests.redemption.settlement.factories import NIGHT


@pytest.mark.django_db
def test_every_job_of_the_night_is_safe_to_run_twice() -> None:
    shop = shop_make()
    confirmed_make(shop)
    first = {job.name: job.work(NIGHT) for job in TICK_JOBS}
    assert first == {
        "settlement.build": {"batches": 1, "facts": 1, "payout_fen": 2_700},
        "settlement.missing_files": {"missing": 1},
        "settlement.statements": {"queued": 1},
    }
    again = {job.name: job.work(NIGHT) for job in TICK_JOBS}
    assert again == {
        "settlement.build": {"batches": 0, "facts": 0, "payout_fen": 0},
        "settlement.missing_files": {"missing": 0},
        "settlement.statements": {"queued": 0},
    }
    assert SettlementBatch.objects.count() == Job.objects.count() == 1
    assert ExceptionItem.objects.count() == 1
