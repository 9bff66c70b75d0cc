"""Versioned secrets read from the environment."""

import base64
import binascii

from django.core.exceptions import ImproperlyConfigured

MIN_KEY_BYTES = 16


def versioned_keys(name: str, text: str) -> dict[int, bytes]:
    """Read `"1:base64,2:base64"` into `{1: b"...", 2: b"..."}`; the highest number is the newest.

    `name` is the environment variable, for the message. Raises ImproperlyConfigured for a wrong
    shape, a repeated or non-positive version, bad base64, or a key shorter than 16 bytes.
    """
    keys: dict[int, bytes] = {}
    for part in (piece.strip() for piece in text.split(",")):
        version_text, separator, encoded = part.partition(":")
        if not separator or not version_text.isdigit() or int(version_text) < 1:
            msg = f"{name} must look like '1:base64,2:base64'"
            raise ImproperlyConfigured(msg)
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            msg = f"{name}: version {version_text} is not base64"
            raise ImproperlyConfigured(msg) from error
        if len(key) < MIN_KEY_BYTES:
            msg = f"{name}: version {version_text} has fewer than {MIN_KEY_BYTES} bytes"
            raise ImproperlyConfigured(msg)
        if int(version_text) in keys:
            msg = f"{name}: version {version_text} appears twice"
            raise ImproperlyConfigured(msg)
        keys[int(version_text)] = key
    return keys
