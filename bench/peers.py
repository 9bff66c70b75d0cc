"""What the front is compared with, each as an application of its own.

* ``naive``: a plain REST framework view that locks the batch row and writes the same rows through
  the ORM, one transaction a request.
* ``gate``: a Django view with a stock counter in Valkey and one INSERT.
* ``bare_front``: the front itself, answering right after the signature; no body is read.
* ``read_front``: the same, answering once the call is read as well, each by itself.
* ``bare_django``: a Django view that answers at once.
"""

import os
from dataclasses import dataclass
from uuid import UUID

import django
import orjson
import redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402 - these read settings
from django.db import connection, transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402

from config.hot_front import HotFront  # noqa: E402
from config.hot_routes import HOT_ROUTES  # noqa: E402
from core.api.hot_calls import Case, HotCall, Reply, Route, case_read  # noqa: E402
from core.api.views import ApiView  # noqa: E402
from core.clock import business_date  # noqa: E402
from core.errors import DomainError  # noqa: E402
from core.ids import from_public, new_id, new_voucher_codes  # noqa: E402
from core.ledger.models import AccountKind, EntryCode  # noqa: E402
from core.ledger.services import Transfer, entry_post  # noqa: E402
from core.money import funder_parts  # noqa: E402
from vouchers.api.serializers.claims import ClaimSerializer  # noqa: E402
from vouchers.models import (  # noqa: E402
    Batch,
    Claim,
    EnrolmentKey,
    Limit,
    LimitUse,
    QuotaSlice,
    Voucher,
)
from vouchers.rules.limits import limit_rows, window_start  # noqa: E402
from vouchers.rules.model import rules_read  # noqa: E402
from vouchers.rules.validity import validity_window  # noqa: E402


class NaiveClaimView(ApiView):
    """One claim, one transaction, row by row."""

    operations = {"POST": "claims.create"}

    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Lock, look, write."""
        del request
        data = self.body(ClaimSerializer)
        batch = Batch.objects.select_for_update().get(pk=data["batch_id"])
        slice_ = QuotaSlice.objects.select_for_update().get(release__batch=batch)
        if slice_.issued >= slice_.planned or batch.version is None:
            raise DomainError("claim.sold_out")
        rules = rules_read(batch.version.rules)
        keys = EnrolmentKey.objects.filter(enrolment_id=data["person_id"], valid_until__isnull=True)
        for rule in limit_rows(batch.code, rules, "CLAIM"):
            limit = Limit.objects.filter(campaign=batch.campaign, code=rule.code).first()
            for key in keys:
                if limit is None or key.kind not in rule.keys:
                    continue
                identity = {
                    "limit_id": limit.pk,
                    "window_start": window_start(rule.window, self.now),
                    "key_id": key.key_id,
                }
                use = LimitUse.objects.select_for_update().filter(**identity).first()
                if use is None:
                    LimitUse.objects.create(**identity, used=1, cap=rule.cap)
                elif use.used >= rule.cap:
                    raise DomainError("claim.person_limit")
                else:
                    LimitUse.objects.filter(**identity).update(used=use.used + 1)
        return self._issue(batch, slice_, data["person_id"])

    def _issue(self, batch: Batch, slice_: QuotaSlice, person_id: UUID) -> Response:
        version = batch.version
        number = batch.issued + 1
        parts = funder_parts(batch.face_fen, batch.weights, number)
        entry_id = entry_post(
            code=EntryCode.CLAIM,
            campaign_id=batch.campaign_id,
            source_key=f"claim:{new_id()}",
            business_date=business_date(self.now),
            at=self.now,
            transfers=[
                Transfer(
                    funder_id,
                    AccountKind.RESERVED,
                    AccountKind.OUTSTANDING,
                    fen,
                    batch.pk,
                    batch.pk,
                )
                for funder_id, fen in zip(batch.funder_ids, parts, strict=True)
            ],
        )
        if entry_id is None or version is None:
            raise DomainError("claim.ended")
        claim = Claim.objects.create(
            client_id=self.client.id,
            idempotency_key=self.idempotency.key,
            fingerprint=self.idempotency.fingerprint,
            enrolment_id=person_id,
            batch=batch,
            slice=slice_,
            units=1,
            at=self.now,
            business_date=business_date(self.now),
            entry_id=entry_id,
            owner_region=batch.owner_region,
        )
        starts, ends = validity_window(
            rules_read(version.rules).validity,
            claimed_at=self.now,
            campaign_ends_at=batch.campaign.ends_at,
        )
        voucher = Voucher.objects.create(
            claim=claim,
            campaign_id=batch.campaign_id,
            batch=batch,
            batch_version=version,
            enrolment_id=person_id,
            client_id=self.client.id,
            number=number,
            code=new_voucher_codes(1)[0],
            face_fen=batch.face_fen,
            parts=list(parts),
            issued_at=self.now,
            valid_from=starts,
            valid_until=ends,
            state="ACTIVE",
            owner_region=batch.owner_region,
        )
        QuotaSlice.objects.filter(pk=slice_.pk).update(issued=slice_.issued + 1)
        Batch.objects.filter(pk=batch.pk).update(issued=number)
        return self.answer({"claim_id": str(claim.pk), "code": voucher.code}, status=201)


@csrf_exempt
def _gate(request: HttpRequest) -> JsonResponse:
    """A stock counter in Valkey, then one row: no limit, no books, no proof of who asks."""
    body = orjson.loads(request.body)
    batch_id = from_public("bat", body["batch_id"])
    person_id = from_public("per", body["person_id"])
    if _valkey.incr(f"bench:gate:{batch_id}") > GATE_STOCK:
        return JsonResponse({}, status=409)
    claim_id = new_id()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_gate VALUES (%s, %s, %s, %s, now())",
            [claim_id, batch_id, person_id, request.headers["Idempotency-Key"]],
        )
    return JsonResponse({"claim_id": str(claim_id)}, status=201)


@csrf_exempt
def _bare(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"bytes": len(request.body)}, status=201)


urlpatterns = [
    path("api/v1/claims", NaiveClaimView.as_view()),
    path("gate", _gate),
    path("bare", _bare),
]
settings.ROOT_URLCONF = __name__
GATE_STOCK = 1_000_000
_valkey = redis.Redis.from_url(settings.REDIS_URL)
naive = WSGIHandler()


@dataclass(frozen=True, slots=True)
class _AtOnce:
    """In the place of a queue: the answer is there already."""

    route: Route

    async def submit(self, call: HotCall, /) -> Reply:
        """Answer."""
        return Reply(201, [("content-type", "application/json")], b'{"bytes":%d}' % len(call.body))

    async def close(self) -> None:
        """Nothing waits."""


class _OnceRead(_AtOnce):
    """One that reads the call first, by what reads it in the product."""

    async def submit(self, call: HotCall, /) -> Reply:
        """Answer a call that can be read."""
        case = Case(call)
        case_read(self.route, case)
        if isinstance(case.answer, DomainError):
            raise case.answer
        return await _AtOnce.submit(self, call)


class BareFront(HotFront):
    """The front that decides nothing."""

    def __init__(self, queue: type[_AtOnce]) -> None:
        """Take what answers in the place of a queue."""
        super().__init__()
        self._queue = queue

    async def _open(self) -> None:
        self._queues = {route.name: self._queue(route) for route in HOT_ROUTES}


bare_front = BareFront(_AtOnce)
read_front = BareFront(_OnceRead)
