"""The examples of docs/api.md do what the guide says."""

import re
import shutil
import subprocess
from typing import Any

import pytest
from django.conf import settings

from core.access.signing import HMAC_SHA256, SignedRequest, request_sign
from core.api.codes_page import API_FAMILIES
from core.errors import CATALOGUE
from tests.support.api_routes import document

GUIDE = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE = {
    "client": "my-app",
    "key_id": "k1",
    "method": "POST",
    "target": "/api/v1/claims",
    "body": b'{"order_fen":10000}',
    "idempotency_key": "claim-20260306-0001",
    "timestamp": 1772755200,
    "nonce": "nonce-0001",
}


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found
    return found[1]


def signature() -> str:
    found = re.search(r"Both give `([^`]+)`", GUIDE)
    assert found
    return found[1]


def test_python_example_signs_as_the_server_checks() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - our own example
    headers = names["sign"]("example-secret", **EXAMPLE)
    request = SignedRequest(
        algorithm=HMAC_SHA256,
        method="POST",
        target="/api/v1/claims",
        client_id="my-app",
        key_id="k1",
        timestamp="1772755200",
        nonce="nonce-0001",
        idempotency_key="claim-20260306-0001",
        body=b'{"order_fen":10000}',
    )
    assert headers["X-Signature"] == request_sign(b"example-secret", request) == signature()
    assert headers["Idempotency-Key"] == "claim-20260306-0001"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_example_gives_the_same() -> None:
    done = subprocess.run(["sh", "-c", block("sh")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == signature()


def test_every_code_of_the_api_is_in_its_document_in_both_languages() -> None:
    described = document()["info"]["description"]
    for code, text in CATALOGUE.items():
        if code.partition(".")[0] in API_FAMILIES:
            (line,) = [one for one in described.splitlines() if one.startswith(f"| `{code}` |")]
            assert text.title_zh in line
            assert text.title_en in line


def test_codes_and_paths_of_the_guide_exist() -> None:
    codes = set(re.findall(r"`([a-z]+\.[a-z_]+)`", GUIDE)) - {"data.refusals", "manage.py"}
    assert codes <= set(CATALOGUE), codes - set(CATALOGUE)
    known = {re.sub(r"\{[^}]+\}", "{}", path) for path in document()["paths"]}
    named = set(re.findall(r"`(?:GET|PUT|POST) (/api/v1/[^`?]+)", GUIDE))
    spelt = {re.sub(r"(u-1001|(cmp|per|rdm|txn|vch)_…)", "{}", path) for path in named}
    assert spelt <= known, spelt - known
