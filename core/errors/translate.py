"""Translate what frameworks and the database raise into domain errors."""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf

from core.errors.base import DomainError, InvalidParam, InvalidParametersError

TRANSIENT_STATES = frozenset(
    {
        "40001",  # serialisation failure
        "40P01",  # deadlock
        "55P03",  # lock time-out
        "57014",  # statement time-out
        "57P01",  # the server is shutting down
        "57P02",
        "57P03",
        "53300",  # too many connections
    }
)
_DJANGO_CODES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((Http404,), "access.not_found"),
    ((PermissionDenied,), "access.permission_denied"),
    ((RequestDataTooBig,), "request.too_large"),
    ((SuspiciousOperation, UnreadablePostError), "request.invalid_parameter"),
)
LIMIT_MARK = "="
"""A validation code may carry its limit: ``max_value=100``."""


def domain_error_of(error: BaseException) -> DomainError | None:
    """Return the domain error an exception stands for; None for a fault of our own."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, drf.APIException):
        return _of_rest_framework(error)
    for kinds, code in _DJANGO_CODES:
        if isinstance(error, kinds):
            return DomainError(code)
    return _of_database(error)


def _of_rest_framework(error: drf.APIException) -> DomainError | None:
    if isinstance(error, drf.ValidationError):
        return InvalidParametersError(invalid_params=list(_flat(error.detail, "")))
    if isinstance(error, drf.ParseError):
        return DomainError("request.malformed_json", data={"reason": str(error.detail)})
    if isinstance(error, drf.Throttled):
        return DomainError("rate.limited", retry_after_s=int(getattr(error, "wait", None) or 60))
    if isinstance(error, drf.MethodNotAllowed):
        return DomainError("request.method_not_allowed")
    codes: dict[type[drf.APIException], str] = {
        drf.NotAuthenticated: "auth.signature_invalid",
        drf.AuthenticationFailed: "auth.signature_invalid",
        drf.PermissionDenied: "access.permission_denied",
        drf.NotFound: "access.not_found",
        drf.NotAcceptable: "request.not_acceptable",
        drf.UnsupportedMediaType: "request.unsupported_media_type",
    }
    code = codes.get(type(error))
    return DomainError(code) if code else None


def _flat(detail: Any, name: str) -> Iterator[InvalidParam]:
    """Walk REST framework's nested details into dotted names: ``items.1.amount_fen``."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            if key == "non_field_errors":
                yield from _flat(value, name)
            else:
                yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(detail, list | tuple):
        for index, value in enumerate(detail):
            if isinstance(value, dict | list):
                yield from _flat(value, f"{name}.{index}" if name else str(index))
            else:
                yield from _flat(value, name)
    else:
        mark = str(getattr(detail, "code", "")).partition(LIMIT_MARK)[2]
        limit: int | str | None = mark or None
        if mark.lstrip("-").isdigit():
            limit = int(mark)
        yield InvalidParam(name or "body", str(detail), limit)


def _of_database(error: BaseException) -> DomainError | None:
    state = sqlstate_of(error)
    if isinstance(error, OperationalError | InterfaceError):
        # No state: the connection was lost or never made.
        lost = state is None or state.startswith("08")
        return DomainError("infra.try_later") if lost or state in TRANSIENT_STATES else None
    if isinstance(error, DataError):
        # Validation comes first; what slips through (a NUL, a number too large) is still bad input.
        return InvalidParametersError.one("body", _("含有无法保存的字符或超出范围的数值"))
    return None


def sqlstate_of(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of the database error behind an exception, if there is one."""
    while error is not None:
        if isinstance(error, psycopg.Error):
            return error.sqlstate
        error = error.__cause__
    return None


def constraint_of(error: BaseException | None) -> str:
    """Return the name of the constraint a database error is about, empty if there is none."""
    while error is not None:
        if isinstance(error, psycopg.Error):
            return error.diag.constraint_name or ""
        error = error.__cause__
    return ""
