"""REST framework's door to the signed API."""

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.access.credentials import ClientPrincipal
from core.access.request_auth import IncomingRequest, request_authenticate
from core.access.signing import signing_target
from core.clock import wall
from core.errors import DomainError


def request_target(request: HttpRequest) -> str:
    """Return path and raw query as they are signed."""
    return signing_target(request.path, request.META.get("QUERY_STRING", ""))


class SignatureAuthentication(BaseAuthentication):
    """Every request is signed by a client (api.md, Conventions)."""

    def authenticate(self, request: Request) -> tuple[ClientPrincipal, ClientPrincipal]:
        """Return the client as user and auth; a 401 of the auth.* family otherwise."""
        raw = request._request
        client = request_authenticate(
            IncomingRequest(
                method=raw.method or "",
                target=request_target(raw),
                header=lambda name: raw.headers.get(name, ""),
                body=raw.body,
            ),
            wall=wall(),
        )
        return client, client

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, so that REST framework answers 401 and not 403."""
        del request
        return "XFQ1"


class OperationPermission(BasePermission):
    """A client calls what its allow-list names; everything else is refused."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Check the view's operation for this method.

        Raises:
            MethodNotAllowed: the view names no operation for the method.
            DomainError: access.permission_denied.
        """
        method = request.method or ""
        operations: dict[str, str] = getattr(view, "operations", {})
        operation = operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise MethodNotAllowed(method)
        client = request.auth
        if not isinstance(client, ClientPrincipal) or operation not in client.operations:
            raise DomainError("access.permission_denied", data={"operation": operation})
        return True
