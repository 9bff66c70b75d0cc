"""GET /statements: an acquirer sees its own files, nobody else's."""

import hashlib
from pathlib import Path

import pytest

from core.jobs.progress import Progress
from core.models import AuditEvent, Client
from redemption.settlement.reports.day_job import statements_request, statements_run
from tests.factories.redemption import Shop, confirmed_make, shop_make
from tests.redemption.settlement.factories import DAY, NIGHT, built
from tests.support.api import ApiCaller

pytestmark = pytest.mark.django_db


def caller(client: Client) -> ApiCaller:
    """Call as a client that may read statements."""
    client.operations = ["statements.read"]
    client.save(update_fields=["operations"])
    return ApiCaller.of(client)


@pytest.fixture
def shop(tmp_path: Path, settings: object) -> Shop:
    """A settled day with its statements."""
    settings.FILES_DIR = tmp_path  # type: ignore[attr-defined]
    made = shop_make()
    confirmed_make(made)
    built(made)
    job = statements_request(campaign_id=made.live.campaign.pk, day=DAY, actor=None, now=NIGHT)
    statements_run(job, Progress(job.pk))
    return made


def test_an_acquirer_lists_and_fetches_its_files(shop: Shop) -> None:
    api = caller(shop.client)
    answer = api.get("/api/v1/statements", {"date": "2026-03-06"})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert sorted((item["kind"], item["form"]) for item in items) == [
        ("ACQUIRER", "CSV"),
        ("ACQUIRER", "XLSX"),
        ("REDEEMED", "CSV"),
        ("REDEEMED", "XLSX"),
        ("REFUNDED", "CSV"),
        ("REFUNDED", "XLSX"),
    ]
    item = next(one for one in items if (one["kind"], one["form"]) == ("ACQUIRER", "CSV"))
    assert (item["rows"], item["totals"]["实付金额"]) == (1, 2_700)
    file = api.get(item["file"])
    content = b"".join(file.streaming_content)
    assert hashlib.sha256(content).hexdigest() == item["sha256"]
    assert AuditEvent.objects.filter(action="statement.download").count() == 1


def test_other_acquirers_and_wrong_ids_find_nothing(shop: Shop) -> None:
    items = caller(shop.client).get("/api/v1/statements", {"date": "2026-03-06"}).json()["items"]
    other = caller(shop_make().client)
    assert other.get("/api/v1/statements", {"date": "2026-03-06"}).json()["items"] == []
    ApiCaller.refused(other.get(items[0]["file"]), 404, "access.not_found")
    ApiCaller.refused(other.get("/api/v1/statements/stm_x/file"), 404, "access.not_found")
    refused = other.get("/api/v1/statements", {"date": "6.3.2026"})
    ApiCaller.refused(refused, 400, "request.invalid_parameter")
