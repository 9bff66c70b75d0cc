"""Domain errors: stable codes with Chinese and English texts, rendered as problem+json."""

from core.errors.base import (
    DomainError,
    InvalidParam,
    InvalidParametersError,
    Refusal,
    RefusedError,
    Said,
)
from core.errors.catalogue import CATALOGUE, CodeText

__all__ = [
    "CATALOGUE",
    "CodeText",
    "DomainError",
    "InvalidParam",
    "InvalidParametersError",
    "Refusal",
    "RefusedError",
    "Said",
]
