"""``manage.py api_request METHOD PATH --client X``: one signed request, as the client sends it."""

import secrets
import sys
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx
import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.access.models import Client
from core.access.services import client_key_secret
from core.access.signing import IDEMPOTENCY_HEADER, SigningKey, call_headers, signing_target
from core.clock import wall

TIMEOUT_S = 30.0
KEYED_METHOD = "POST"
QUERY_SAFE = "%=&:/?@!$'()*+,;-._~"


class Command(BaseCommand):
    """Sign with the client's newest active key, send, print; exit code 1 for an error answer."""

    help = "Send a signed request to the API."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("method", choices=["GET", "POST", "PUT", "DELETE"], type=str.upper)
        parser.add_argument("path", help="path with query, e.g. /api/v1/campaigns?limit=5")
        parser.add_argument("--client", required=True, help="code of the client")
        parser.add_argument("--data", help="JSON body, or @FILE")
        parser.add_argument("--key", help="idempotency key; default for POST: a new one")
        parser.add_argument("--base-url", default="http://127.0.0.1:8000")
        parser.add_argument("--language", default="zh-CN", choices=["zh-CN", "en"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Send the request and print status, headers of interest and body."""
        body = _body(options["data"])
        parts = urlsplit(options["path"])
        target = signing_target(unquote(parts.path), quote(parts.query, safe=QUERY_SAFE))
        idempotency_key = options["key"] or (
            secrets.token_urlsafe(18) if options["method"] == KEYED_METHOD else ""
        )
        headers = call_headers(
            _signing_key(options["client"]),
            method=options["method"],
            target=target,
            timestamp=int(wall().timestamp()),
            body=body,
            idempotency_key=idempotency_key,
        )
        headers |= {"Content-Type": "application/json", "Accept-Language": options["language"]}
        try:
            response = httpx.request(
                options["method"],
                options["base_url"].rstrip("/") + target,
                content=body,
                headers=headers,
                timeout=TIMEOUT_S,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            raise CommandError(f"no answer from {options['base_url']}: {error}") from error
        if idempotency_key:
            self.stderr.write(f"{IDEMPOTENCY_HEADER}: {idempotency_key}")
        self.stderr.write(f"{response.status_code} {response.reason_phrase}")
        for name in ("Idempotent-Replay", "Retry-After"):
            if name in response.headers:
                self.stderr.write(f"{name}: {response.headers[name]}")
        self.stdout.write(_pretty(response))
        if response.is_error:
            sys.exit(1)


def _signing_key(code: str) -> SigningKey:
    client = Client.objects.filter(code=code).first()
    if client is None:
        raise CommandError(f"no client with code {code}")
    found = client_key_secret(client=client)
    if found is None:
        raise CommandError(f"{code} has no active key; run: manage.py client_key issue {code}")
    key, secret = found
    return SigningKey(client.code, key.key_id, key.algorithm, secret)


def _body(data: str | None) -> bytes:
    if data is None:
        return b""
    if not data.startswith("@"):
        return data.encode()
    try:
        with open(data[1:], "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"cannot read {data[1:]}: {error.strerror}") from error


def _pretty(response: httpx.Response) -> str:
    try:
        value = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.text
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
