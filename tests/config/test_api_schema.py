"""Property tests over the OpenAPI document: what it says is what the API does, and never a 5xx.

Cases go through WSGI to the real application. A gateway in front signs each request with a
client's key, so that the generated values reach the operations.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from io import BytesIO
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.validation import validate_schema
from schemathesis import Case
from schemathesis.checks import CHECKS

from core.access.authentication import request_target
from core.access.models import Client
from core.access.operations import OPERATIONS
from core.access.signing import SigningKey, call_headers
from core.ids import to_public
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.merchants import client_make, store_make, terminal_make
from tests.factories.persons import enrolment_make
from tests.support.api import ApiCaller
from tests.support.api_routes import document
from tests.support.moments import business_time_set

CASES = 12
# A well-formed value may still name nothing that exists.
LEFT_OUT = ("positive_data_acceptance",)
REAL_IDS: dict[str, str] = {}


class SigningGateway:
    """Signs what passes through, body and query as they are."""

    def __init__(self) -> None:
        """Start without a key; the fixture gives one."""
        self.application = WSGIHandler()
        self.key: SigningKey | None = None

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Sign and pass on."""
        assert self.key is not None
        # The generator writes the path as text; WSGI wants its UTF-8 bytes spelt as latin-1.
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        request = self.application.request_class(environ)
        headers = call_headers(
            self.key,
            method=environ["REQUEST_METHOD"],
            target=request_target(request),
            timestamp=int(time.time()),
            body=body,
            idempotency_key=environ.get("HTTP_IDEMPOTENCY_KEY", ""),
        )
        for name, value in headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return self.application(environ, start)


def document_without_signature() -> dict[str, Any]:
    """Return the OpenAPI document as a client behind the gateway sees it."""
    content = deepcopy(document())
    content["components"].pop("securitySchemes")
    for operations in content["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return content


GATEWAY = SigningGateway()
schema = schemathesis.openapi.from_dict(document_without_signature())
schema.app = GATEWAY
schema.config.generation.update(max_examples=CASES)
# A list that is too long may be too large a body as well.
schema.config.checks.negative_data_rejection.expected_statuses.append("413")
schema.config.phases.update(phases=["examples", "coverage", "fuzzing"])


@schema.hook
def map_body(context: Any, body: Any) -> Any:
    """Name real objects where the generated value has the right type."""
    return _named(body)


@schema.hook
def map_query(context: Any, query: Any) -> Any:
    """Name real objects in the query too."""
    return _named(query)


def _named(values: Any) -> Any:
    if isinstance(values, dict):
        return {
            name: REAL_IDS[name] if name in REAL_IDS and isinstance(value, str) else value
            for name, value in values.items()
        }
    return values


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """Keep the test's connection over the end of a request, as Django's test client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def _world(db: None, _one_connection: None) -> None:
    store = store_make()
    terminal = terminal_make(store)
    live = campaign_live(batches=[BatchPlan(units=1_000)], stores=[store])
    business_time_set(OPENED_AT)
    client = client_make(Client.Kind.CHANNEL, operations=list(OPERATIONS))
    GATEWAY.key = ApiCaller.of(client).key
    REAL_IDS.update(
        person_id=to_public("per", enrolment_make(client).pk),
        batch_id=to_public("bat", live.batch.pk),
        campaign=to_public("cmp", live.campaign.pk),
        store_no=store.store_no,
        terminal_no=terminal.terminal_no,
    )


@pytest.mark.usefixtures("_world")
@schema.parametrize()
@hypothesis.settings(deadline=None, database=None, derandomize=True)
def test_every_operation_keeps_to_its_document(case: "Case[Any]") -> None:
    left_out: Any = CHECKS.get_by_names(list(LEFT_OUT))
    case.call_and_validate(excluded_checks=left_out)


def test_the_document_is_valid_openapi() -> None:
    validate: Any = validate_schema
    validate(document())


def test_every_operation_is_documented_and_signed() -> None:
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"], (method, path)
            assert operation["tags"], (method, path)
            health = path.startswith("/api/v1/health/")
            assert bool(operation.get("security")) != health, (method, path)
            assert health or "default" in operation["responses"], (method, path)
