"""Typed values of the document as plain canonical values."""

from datetime import date, datetime
from typing import Any

import msgspec

from core.canonical import to_plain


def spec_plain(value: Any) -> Any:
    """Return what JSON holds for a typed value; moments in Asia/Shanghai, whatever was written."""
    return to_plain(msgspec.to_builtins(value, builtin_types=(datetime, date)))
