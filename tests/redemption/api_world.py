"""A channel with a person who holds a voucher, and a till, both calling the signed API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import pii
from core.access.models import Client
from core.access.operations import USUAL_OPERATIONS
from core.ids import to_public
from core.pii import pii_hashes
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import vouchers_issued
from tests.factories.persons import enrolment_make, key_of
from tests.factories.redemption import AT, Shop, shop_make
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from tests.vouchers.api_world import channel_make
from vouchers.models import Enrolment, IdentityHash, Voucher

DEVICE = "device-of-the-person-1"


@dataclass
class PayWorld:
    """What the tests of this API start from; ``channel`` issued the voucher, ``till`` scans."""

    shop: Shop
    person: Enrolment
    voucher: Voucher
    channel: ApiCaller
    till: ApiCaller

    @classmethod
    def of(cls, shop: Shop, *, now: datetime = AT) -> "PayWorld":
        """Give a person a voucher of the shop's first batch, and both sides their callers."""
        shop.client.operations = list(USUAL_OPERATIONS[Client.Kind.TERMINAL])
        shop.client.save(update_fields=["operations"])
        client = channel_make()
        person = person_with_device(client)
        (voucher,) = vouchers_issued(shop.batch, enrolments=[person])
        business_time_set(now)
        return cls(shop, person, voucher, ApiCaller.of(client), ApiCaller.of(shop.client))

    @property
    def person_id(self) -> str:
        return to_public("per", self.person.pk)

    @property
    def voucher_id(self) -> str:
        return to_public("vch", self.voucher.pk)

    @property
    def codes_path(self) -> str:
        return f"/api/v1/persons/{self.person_id}/payment-codes"

    def payment(self, **others: Any) -> dict[str, Any]:
        return {
            "store_no": self.shop.store.store_no,
            "terminal_no": self.shop.terminal.terminal_no,
            "order_fen": 10_000,
            "flow": "MERCHANT_SCANS",
            **others,
        }

    def hold(self, **others: Any) -> dict[str, Any]:
        return self.payment(order_no="T-1", **others)

    def code_make(self, **body: Any) -> str:
        response = self.channel.post(self.codes_path, {"device": DEVICE, **body})
        assert response.status_code == 201, response.content
        code: str = response.json()["payment_code"]
        return code


def pay_world(*, now: datetime = AT, batch: BatchPlan | None = None) -> PayWorld:
    return PayWorld.of(shop_make(batches=[batch or BatchPlan()]), now=now)


def person_with_device(client: Client) -> Enrolment:
    """Return an account whose device is `DEVICE`."""
    person = enrolment_make(client)
    for hashed in pii_hashes(pii.DEVICE, DEVICE):
        IdentityHash.objects.create(
            key=key_of(person, "DEVICE"),
            kind="DEVICE",
            pepper_version=hashed.version,
            key_hash=hashed.digest,
        )
    return person
