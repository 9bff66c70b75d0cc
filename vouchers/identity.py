"""Identity tokens: what is left of a raw number once it has passed the edge.

A token carries keyed hashes and a masked tail, so a command, a log line or a task argument that
holds it holds no personal data (architecture.md, Personal data).
"""

from dataclasses import dataclass
from uuid import UUID

from core import pii
from core.pii import KeyedHash
from vouchers.models.persons import KeyKind


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """One document, mobile, device, card or account; ``hashes`` are newest pepper first."""

    kind: str
    hashes: tuple[KeyedHash, ...]
    masked: str

    @property
    def newest(self) -> KeyedHash:
        """The hash under the newest pepper: the name of the token inside a process."""
        return self.hashes[0]


def identity_token(kind: str, raw: str, *, document_type: str = pii.RESIDENT_ID) -> IdentityToken:
    """Return the token of a raw number; the only place of this room that sees one.

    Raises:
        InvalidParametersError: not a valid number of that kind; the message never repeats it.
    """
    return IdentityToken(
        kind=kind,
        hashes=tuple(pii.pii_hashes(kind, raw, document_type=document_type)),
        masked=pii.pii_tail(kind, raw, document_type=document_type),
    )


def account_token(client_id: UUID, external_id: str) -> IdentityToken:
    """Return the token of a channel account itself, a limit key of its own (domain-rules §5)."""
    return identity_token(KeyKind.ACCOUNT, f"{client_id}:{external_id}")
