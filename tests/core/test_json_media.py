"""JSON of the API: strict on the way in, exact on the way out."""

import io
import uuid
from decimal import Decimal

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError

from core.json_media import OrjsonParser, OrjsonRenderer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b"{'a': 1}",
        b'{"a": 1,}',
        b"[" * 5000,
    ],
)
def test_malformed_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        OrjsonParser().parse(io.BytesIO(body))


def test_values_come_through_unchanged() -> None:
    body = '{"名称": "券", "fen": 9007199254740993, "list": [true, null, 1.5]}'.encode()
    assert OrjsonParser().parse(io.BytesIO(body)) == {
        "名称": "券",
        "fen": 9007199254740993,
        "list": [True, None, 1.5],
    }


def test_rendering_of_what_json_does_not_know() -> None:
    identifier = uuid.UUID("0190a5f0-0000-7000-8000-000000000001")
    data = {"text": gettext_lazy("券"), "rate": Decimal("0.50"), "id": identifier, 1: "one"}
    assert OrjsonRenderer().render(data).decode() == (
        '{"text":"券","rate":"0.50","id":"0190a5f0-0000-7000-8000-000000000001","1":"one"}'
    )
    assert OrjsonRenderer().render(None) == b""
