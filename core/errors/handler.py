"""The one place that answers errors of the API: problem+json, in the caller's language."""

import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.utils.translation import get_language
from django.views import defaults
from rest_framework.response import Response

from core.errors.base import DomainError
from core.errors.problem import (
    CHINESE,
    CONTENT_TYPE,
    ENGLISH,
    problem_document,
    problem_headers,
    request_id_of,
)
from core.errors.translate import domain_error_of

API_PREFIX = "/api/"


def request_id_current() -> str:
    """Return the id of the request under way (as logged), or a new one."""
    return request_id_of(str(structlog.contextvars.get_contextvars().get("request_id", "")))


def language_current() -> str:
    """Return the language of the request under way: ``zh-CN`` or ``en``."""
    return ENGLISH if (get_language() or "").startswith("en") else CHINESE


def problem_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Render an exception of a REST framework view; None lets Django log and answer 500."""
    del context
    error = domain_error_of(exc)
    if error is None:
        return None
    return Response(
        problem_document(error, language=language_current(), request_id=request_id_current()),
        status=error.status,
        headers=problem_headers(error),
        content_type=CONTENT_TYPE,
    )


def problem_response(error: DomainError) -> HttpResponse:
    """Render an error outside REST framework."""
    document = problem_document(error, language=language_current(), request_id=request_id_current())
    return HttpResponse(
        orjson.dumps(document),
        status=error.status,
        headers=problem_headers(error),
        content_type=CONTENT_TYPE,
    )


def _handler(default_code: str, page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a Django error view: problem+json under /api/, Django's own page elsewhere."""

    def answer(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        if request.path_info.startswith(API_PREFIX):
            known = domain_error_of(exception) if exception else None
            return problem_response(known or DomainError(default_code))
        return page(request, exception) if exception else page(request)

    return answer


bad_request = _handler("request.invalid_parameter", defaults.bad_request)
permission_denied = _handler("access.permission_denied", defaults.permission_denied)
page_not_found = _handler("access.not_found", defaults.page_not_found)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of our own; a lost database connection asks to try later."""
    raised = sys.exc_info()[1]
    known = domain_error_of(raised) if raised else None
    if request.path_info.startswith(API_PREFIX):
        return problem_response(known or DomainError("infra.internal_error"))
    if known is not None and known.status == HTTPStatus.SERVICE_UNAVAILABLE:
        page = get_template("503.html").render()
        return HttpResponse(page, status=known.status, headers=problem_headers(known))
    return defaults.server_error(request)
