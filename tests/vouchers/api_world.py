"""A channel with an account and a running campaign, called through the signed API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.http import HttpResponse

from core.access.models import Client
from core.access.operations import USUAL_OPERATIONS
from core.ids import to_public
from tests.factories.campaigns import OPENED_AT, LiveCampaign, campaign_live
from tests.factories.merchants import PROVINCE, client_make
from tests.factories.persons import enrolment_make
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from vouchers.models import Enrolment

API = "/api/v1"


@dataclass
class World:
    """What most tests of this API start from."""

    live: LiveCampaign
    client: Client
    api: ApiCaller
    person: Enrolment

    @property
    def person_id(self) -> str:
        return to_public("per", self.person.pk)

    @property
    def batch_id(self) -> str:
        return to_public("bat", self.live.batch.pk)

    def claim_body(self, **others: Any) -> dict[str, Any]:
        return {"person_id": self.person_id, "batch_id": self.batch_id, **others}


def channel_make(region: str = PROVINCE) -> Client:
    return client_make(
        Client.Kind.CHANNEL, operations=USUAL_OPERATIONS[Client.Kind.CHANNEL], region=region
    )


def world_make(live: LiveCampaign | None = None, *, now: datetime = OPENED_AT) -> World:
    live = live or campaign_live()
    business_time_set(now)
    client = channel_make()
    return World(live, client, ApiCaller.of(client), enrolment_make(client))


def body_of(response: HttpResponse, status: int = 200) -> Any:
    document = orjson.loads(response.content)
    assert response.status_code == status, document
    return document
