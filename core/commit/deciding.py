"""The half of a front that decides: a process of its own, with a thread per service.

The event loop and the services would keep taking the interpreter from each other: apart, a claim
costs a quarter less and a refusal a third (bench/results/README.md).
"""

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import structlog
from django.db import connections

from core.commit.decider import LEAVE_S
from core.commit.frames import Frame, FrameReader, frame_bytes

PIECE_BYTES: Final = 1 << 18
YOUNG: Final = 20_000
"""How many new objects are looked at for garbage at once; at 700, Python's own, a tenth of the time
of a hold went into looking again and again at what requests on their way need."""
Deciders = Mapping[str, Callable[[Sequence[Any]], Sequence[Any]]]
log = structlog.get_logger(__name__)


def garbage_settle() -> None:
    """Leave what is loaded alone, and look at new objects rarely."""
    gc.freeze()
    gc.set_threshold(YOUNG)


def decisions_serve(
    other_half: socket.socket, deciders: Deciders, leave_s: float = LEAVE_S
) -> None:
    """Answer groups of commands until the front closes its end, then end what is under way.

    A signal to the whole process group (Ctrl-C, a service manager) is the front's business: it has
    callers to answer, and closes when it has.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    garbage_settle()
    writing = threading.Lock()
    threads = {name: ThreadPoolExecutor(1, thread_name_prefix=name) for name in deciders}

    def send(frame: bytes) -> None:
        # A front that went away has told its callers to come again.
        with writing, suppress(OSError):
            other_half.sendall(frame)

    def answer(frame: Frame) -> None:
        try:
            said = frame_bytes(frame.number, frame.name, deciders[frame.name](frame.value()))
        except BaseException:  # its callers, and all after them, would wait for ever
            send(frame_bytes(frame.number, frame.name, ()))
            log.exception("group_failed", service=frame.name)
        else:
            send(said)

    send(frame_bytes(0, "", None))
    for frame in _frames(other_half):
        threads[frame.name].submit(answer, frame)
    _leave_by(leave_s)
    for executor in threads.values():
        executor.submit(connections.close_all)
        executor.shutdown()


def _leave_by(seconds: float) -> None:
    """End the process then at the latest: a front that was killed cannot end a stuck service."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()


def _frames(other_half: socket.socket) -> Iterator[Frame]:
    reader = FrameReader()
    with suppress(ConnectionError):
        while piece := other_half.recv(PIECE_BYTES):
            yield from reader.feed(piece)
