"""Health pages for load balancer and operator; open to everybody, so they tell no detail."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import clock
from core.invariants.services import invariants_last
from core.jobs.selectors import ticks_health

OK: Final = "ok"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
BROKER_TIMEOUT_S: Final = 1.0


class HealthSerializer(serializers.Serializer[Any]):
    """State of the process and of what it needs."""

    status = serializers.ChoiceField(choices=[OK, "degraded", FAILED])
    checks = serializers.DictField(child=serializers.CharField(), required=False)


class OpenView(APIView):
    """A page without signature, permission or rate limit."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    metadata_class = None


class LiveView(OpenView):
    """The process answers."""

    @extend_schema(operation_id="health_live", responses=HealthSerializer, auth=[], tags=["health"])
    def get(self, request: Request) -> Response:
        """Answer 200 without asking anything else."""
        del request
        return Response({"status": OK})


class ReadyView(OpenView):
    """Database, broker, last ticks and the last invariant check.

    Without database the process cannot serve: 503. Without broker, or with late ticks or a found
    violation, it serves on and says so: ``degraded``.
    """

    @extend_schema(
        operation_id="health_ready",
        responses={200: HealthSerializer, 503: HealthSerializer},
        auth=[],
        tags=["health"],
    )
    def get(self, request: Request) -> Response:
        """Answer the state of each check."""
        del request
        checks = {"database": _database()}
        if checks["database"] == OK:
            now = clock.now()
            checks["ticks"] = _guarded(_ticks, now)
            checks["invariants"] = _guarded(_invariants, now)
        checks["broker"] = _broker()
        status = OK if set(checks.values()) <= {OK, UNKNOWN} else "degraded"
        if checks["database"] == FAILED:
            status = FAILED
        return Response(
            {"status": status, "checks": checks},
            status=503 if status == FAILED else 200,
            headers={"Cache-Control": "no-store"},
        )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        clock.now()
    except (DatabaseError, ImproperlyConfigured):
        return FAILED
    return OK


def _guarded(check: Callable[[datetime], str], now: datetime) -> str:
    try:
        return check(now)
    except DatabaseError:
        return FAILED


def _ticks(now: datetime) -> str:
    return FAILED if any(health.late for health in ticks_health(now=now)) else OK


def _invariants(now: datetime) -> str:
    del now
    last = invariants_last()
    if last is None:
        return UNKNOWN
    return OK if not last.violations else FAILED


def _broker() -> str:
    try:
        with redis.Redis.from_url(
            settings.CELERY_BROKER_URL,
            socket_timeout=BROKER_TIMEOUT_S,
            socket_connect_timeout=BROKER_TIMEOUT_S,
        ) as client:
            client.ping()
    except redis.RedisError:
        return FAILED
    return OK
