"""Middleware that belongs to no room."""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest
from django.http.response import HttpResponseBase

ADMIN_PREFIX = "/admin/"
DOCS_PREFIX = "/api/docs/"


class AdminCspMiddleware:
    """Loosen the content-security policy where third-party pages need it, and only there.

    Unfold's admin evaluates Alpine expressions and sets inline styles; Swagger UI sets inline
    styles.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Keep the next handler of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Mark the response for the CSP middleware, which runs after this one."""
        response = self.get_response(request)
        if request.path_info.startswith(ADMIN_PREFIX):
            response._csp_replace = {  # type: ignore[attr-defined]
                "script-src": [SELF, UNSAFE_EVAL],
                "style-src": [SELF, UNSAFE_INLINE],
            }
        elif request.path_info.startswith(DOCS_PREFIX):
            response._csp_replace = {  # type: ignore[attr-defined]
                "style-src": [SELF, UNSAFE_INLINE],
            }
        return response
