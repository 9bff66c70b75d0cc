"""A signing client for tests of the API, over Django's test client.

api = ApiCaller.of(client_make(operations=["claims.create"]))
response = api.post("/api/v1/claims", {"person_id": …})       # a fresh idempotency key
response = api.post("/api/v1/claims", {…}, key="kept-key-0000000001")
api.refused(response, 409, "claim.sold_out")                  # → the problem document
"""

import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from django.test import Client as DjangoClient

from core.access.models import Client, ClientKey
from core.access.services import client_key_issue
from core.access.signing import SigningKey, call_headers
from core.clock import wall
from core.errors import CATALOGUE
from core.errors.problem import CONTENT_TYPE
from tests.support.hot_ways import SentHeaders, front_call, is_hot

HOT_WAY: ContextVar[str] = ContextVar("HOT_WAY", default="django")
"""Which way hot calls take: ``django`` or ``front`` (see `tests.support.hot_ways`)."""
# Django's test client adds json() and more to what its stubs promise.
ApiResponse = Any


@dataclass
class ApiCaller:
    """Calls the API as one client; ``language`` is sent as Accept-Language."""

    key: SigningKey
    language: str = "zh-CN"
    django: DjangoClient = field(default_factory=lambda: DjangoClient(raise_request_exception=True))

    @classmethod
    def of(
        cls, client: Client, algorithm: ClientKey.Algorithm = ClientKey.Algorithm.HMAC_SHA256
    ) -> "ApiCaller":
        """Issue a key to ``client`` and call with it."""
        issued = client_key_issue(client=client, now=wall(), algorithm=algorithm)
        return cls(
            SigningKey(client.code, issued.key.key_id, algorithm.value, issued.secret.encode())
        )

    def get(self, path: str, query: dict[str, Any] | None = None) -> ApiResponse:
        """Read; ``query`` is encoded."""
        return self.call("GET", path, query=urlencode(query or {}))

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, query: str = ""
    ) -> ApiResponse:
        """Post with an idempotency key; a fresh one if None, none at all if empty."""
        kept = secrets.token_urlsafe(18) if key is None else key
        return self.call("POST", path, body=body, key=kept, query=query)

    def put(self, path: str, body: Any) -> ApiResponse:
        """Put."""
        return self.call("PUT", path, body=body)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        key: str = "",
        query: str = "",
        headers: SentHeaders | None = None,
    ) -> ApiResponse:
        """Send a signed request; bytes are sent as they are, ``headers`` replace signed ones.

        Of a header with several values Django is given what its server makes of them: one text.
        """
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        target = f"{quote(path)}?{query}" if query else quote(path)
        signed = call_headers(
            self.key,
            method=method,
            target=target,
            timestamp=int(time.time()),
            body=raw,
            idempotency_key=key,
        )
        sent: SentHeaders = {**signed, "Accept-Language": self.language, **(headers or {})}
        kept = {name: value for name, value in sent.items() if value}
        if HOT_WAY.get() == "front" and is_hot(method, target):
            return front_call(method, target, raw, kept)
        joined = {
            name: value if isinstance(value, str) else ",".join(value)
            for name, value in kept.items()
        }
        return self.django.generic(
            method, target, data=raw, content_type="application/json", headers=joined
        )

    @staticmethod
    def refused(response: ApiResponse, status: int, code: str) -> dict[str, Any]:
        """Assert a problem document with this status and code; return it."""
        document: dict[str, Any] = orjson.loads(response.content)
        assert (response.status_code, document.get("code")) == (status, code), document
        assert response["Content-Type"] == CONTENT_TYPE
        assert document["status"] == status == CATALOGUE[code].status
        assert document["type"] == f"urn:xfq:problem:{code}"
        assert document["request_id"]
        return document
