"""Frames between the two halves of a front: length, number, name of a service, one pickle.

Both ends are this project's own processes on a socket pair nobody else can reach, so what comes out
of a frame is as trustworthy as the process itself.
"""

import pickle
from collections.abc import Iterator
from struct import Struct
from typing import Any, Final, NamedTuple

_HEAD: Final = Struct("<IQH")
_PROTOCOL: Final = 5


class Frame(NamedTuple):
    """One message; ``number`` joins an answer to its question."""

    number: int
    name: str
    payload: bytes

    def value(self) -> Any:
        """Return what was sent."""
        return pickle.loads(self.payload)  # noqa: S301 - written by our own other half


def frame_bytes(number: int, name: str, value: object) -> bytes:
    """Spell one message."""
    label, payload = name.encode(), pickle.dumps(value, _PROTOCOL)
    return _HEAD.pack(len(label) + len(payload), number, len(label)) + label + payload


class FrameReader:
    """Puts pieces of a stream together again."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._left = bytearray()

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Take the next piece; yield the frames that are whole now."""
        self._left += piece
        while len(self._left) >= _HEAD.size:
            length, number, label = _HEAD.unpack_from(self._left)
            if len(self._left) < _HEAD.size + length:
                return
            content = bytes(self._left[_HEAD.size : _HEAD.size + length])
            del self._left[: _HEAD.size + length]
            yield Frame(number, content[:label].decode(), content[label:])
