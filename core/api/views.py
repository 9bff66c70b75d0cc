"""The base of the rooms' API views: parse → one service call → translate."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import clock
from core.access.authentication import OperationPermission, SignatureAuthentication
from core.access.credentials import ClientPrincipal
from core.access.idempotency import NO_KEY, Idempotency, idempotency_read
from core.access.operations import OPERATIONS
from core.access.signing import IDEMPOTENCY_HEADER
from core.access.throttling import ClientThrottle, person_rate_check
from core.api.hot import Asked, HotRoute, answer_headers
from core.api.paging import Page, page_of
from core.errors import DomainError, InvalidParametersError

S = TypeVar("S", bound=serializers.Serializer[Any])
M = TypeVar("M", bound=Model)
KEYED_METHODS: Final = frozenset({"POST"})


class ApiView(APIView):
    """One path of the API.

        class ClaimListView(ApiView):
            operations = {"POST": "claims.create", "GET": "claims.read"}

            def post(self, request: Request) -> Response:
                data = self.body(ClaimSerializer)
                command = ClaimCommand(client_id=self.client.id, now=self.now, …)
                outcome = vouchers_claim([command])[0]
                return self.answer(document, status=201, replayed=outcome.replayed)

    Every method names its operation (`core.access.operations`); the client's allow-list decides.
    A POST needs an idempotency key unless it is listed in ``changes_nothing`` (a quote).
    ``now`` is business time at receipt.
    """

    authentication_classes = (SignatureAuthentication,)
    permission_classes = (OperationPermission,)
    throttle_classes = (ClientThrottle,)
    metadata_class = None

    operations: ClassVar[Mapping[str, str]] = {}
    changes_nothing: ClassVar[frozenset[str]] = frozenset()

    now: datetime
    client: ClientPrincipal
    idempotency: Idempotency

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse at import an operation that is not in the list."""
        super().__init_subclass__(**kwargs)
        unknown = set(cls.operations.values()) - set(OPERATIONS)
        if unknown:
            raise TypeError(f"{cls.__name__} names unknown operations: {sorted(unknown)}")

    @classmethod
    def needs_key(cls, method: str) -> bool:
        """Tell whether a method needs an Idempotency-Key."""
        return method in KEYED_METHODS and method not in cls.changes_nothing

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Stamp the request with business time at receipt."""
        self.now = clock.now()
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, check permission and rate, then read the idempotency key."""
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, ClientPrincipal):
            self.client = request.auth
        if self.needs_key(request.method or ""):
            self.idempotency = idempotency_read(
                key=request.headers.get(IDEMPOTENCY_HEADER, ""),
                method=request.method or "",
                path=request.path,
                body=request._request.body,
            )

    def body(self, serializer_class: type[S]) -> dict[str, Any]:
        """Return the checked body; raises what is rendered as request.invalid_parameter."""
        serializer = serializer_class(data=self.request.data, context={"view": self})
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    def query(self, serializer_class: type[S]) -> dict[str, Any]:
        """Return the checked query parameters; a repeated one is refused."""
        parameters = self.request.query_params
        for name in parameters:
            if len(parameters.getlist(name)) > 1:
                raise InvalidParametersError.one(name, _("参数重复"))
        serializer = serializer_class(data=parameters.dict(), context={"view": self})
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    def page(self, queryset: QuerySet[M], *, order: Sequence[str]) -> Page[M]:
        """Return the page the query parameters ``cursor`` and ``limit`` ask for (`page_of`)."""
        given = self.request.query_params
        asked = {name: given[name] for name in ("cursor", "limit") if name in given}
        return page_of(queryset, order=order, **asked)

    def answer(self, document: Any, *, status: int = 200, replayed: bool = False) -> Response:
        """Return the response; a replay says so in its header."""
        return Response(document, status=status, headers=answer_headers(replayed=replayed))

    def hot(self, route: HotRoute[Any, Any, Any], **path: str) -> Response:
        """Answer an operation of the hot path as a group of one."""
        route.size_check(self.request._request.body)
        data = route.body(self.request.data)
        person = route.person(data, path)
        if person is not None:
            person_rate_check(self.client, person)
        idempotency = self.idempotency if route.keyed else NO_KEY
        asked = Asked(self.client, idempotency, self.now, data, path)
        (outcome,) = route.decide([route.command(asked)])
        answer = route.answer(outcome)
        if isinstance(answer, DomainError):
            raise answer
        return self.answer(answer.document, status=answer.status, replayed=answer.replayed)
