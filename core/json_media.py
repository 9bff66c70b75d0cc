"""JSON in and out of the API through orjson."""

from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

import orjson
from django.utils.functional import Promise
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from core.json_strict import MalformedJsonError, json_read

_encoder = JSONEncoder()


def _default(value: object) -> object:
    # A decimal stays text: a JSON number is a float to most readers.
    if isinstance(value, Promise | Decimal):
        return str(value)
    return _encoder.default(value)


class OrjsonRenderer(JSONRenderer):
    """Compact UTF-8 JSON; lazy texts, decimals and ids as REST framework writes them."""

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the body; empty for no data."""
        del accepted_media_type, renderer_context
        if data is None:
            return b""
        return orjson.dumps(data, default=_default, option=orjson.OPT_NON_STR_KEYS)


class OrjsonParser(BaseParser):
    """Strict JSON (core.json_strict): what could be read in two ways is malformed."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the decoded value; ParseError (rendered as request.malformed_json)."""
        del media_type, parser_context
        try:
            return json_read(stream.read())
        except MalformedJsonError as error:
            raise ParseError(str(error)) from error
