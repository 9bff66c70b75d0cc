"""The one origin of the embedded platform: Caddy in front of the hot front and of Django."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.embedded.paths import CHECKOUT
from core.embedded.supervisor import ChildSpec, http_ready
from core.embedded.valkey import HOST
from core.errors import DomainError
from core.errors.problem import CHINESE, CONTENT_TYPE, problem_document, problem_headers

HOT_PATHS: Final = {
    "POST": (
        "^/api/v1/(claims|persons/[^/]+/payment-codes"
        "|redemptions/quote|redemptions|redemptions/[^/]+/confirm)$"
    ),
    "PUT": "^/api/v1/(persons/[^/]+)$",
}
"""These go to the front, by method; a test compares them with the front's routes."""
DIAL_AGAIN_S: Final = 5


def proxy_spec(
    env: Mapping[str, str], folder: Path, *, port: int, front_port: int, web_port: int
) -> ChildSpec:
    """Return how to run the proxy on a loopback port; its configuration lies in ``folder``."""
    config = folder / "proxy.json"
    config.write_text(
        json.dumps(proxy_config(port, front_port, web_port), ensure_ascii=False, indent=2),
        encoding="utf-8",
    )
    return ChildSpec(
        name="proxy",
        argv=[str(Path(sys.executable).parent / "caddy"), "run", "--config", str(config)],
        env={**env, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        cwd=CHECKOUT,
        ready=http_ready(f"http://{HOST}:{port}/api/v1/health/live"),
    )


def proxy_config(port: int, front_port: int, web_port: int) -> dict[str, Any]:
    """Return Caddy's configuration: hot calls to the front, everything else to Django.

    Django answers hot calls too, by the same code, while the front is away.
    """
    hot = [
        {"method": [method], "path_regexp": {"pattern": pattern}}
        for method, pattern in HOT_PATHS.items()
    ]
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "WARN"}}},
        "apps": {
            "http": {
                "servers": {
                    "origin": {
                        "listen": [f"{HOST}:{port}"],
                        "automatic_https": {"disable": True},
                        "routes": [
                            {"match": hot, "handle": [_to(front_port, web_port)], "terminal": True},
                            {"handle": [_to(web_port)]},
                        ],
                        "errors": {"routes": [{"handle": [_try_later()]}]},
                    }
                }
            }
        },
    }


def _to(*ports: int) -> dict[str, Any]:
    """Return a handler that asks the first of the ports that can be reached.

    Only a request that reached nobody is sent again; one whose answer got lost is the caller's to
    repeat, with its idempotency key.
    """
    # Only where there is another one to ask: a caller who breaks off counts as a failure too.
    alternatives = {"passive": {"fail_duration": "2s", "max_fails": 3}} if len(ports) > 1 else {}
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{HOST}:{port}"} for port in ports],
        "load_balancing": {
            "selection_policy": {"policy": "first"},
            "try_duration": f"{DIAL_AGAIN_S}s",
            "try_interval": "100ms",
        },
        "health_checks": alternatives,
        "transport": {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": 256}},
    }


def _try_later() -> dict[str, Any]:
    """Return a handler for a lost answer: the caller's key tells what became of it."""
    error = DomainError("infra.try_later")
    headers = {"Content-Type": CONTENT_TYPE, **problem_headers(error)}
    document = problem_document(error, language=CHINESE, request_id="{http.request.uuid}")
    return {
        "handler": "static_response",
        "status_code": error.status,
        "headers": {name: [value] for name, value in headers.items()},
        "body": json.dumps(document, ensure_ascii=False),
    }
