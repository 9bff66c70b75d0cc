"""The process that decides for a front: asked, killed, started again, and let go."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop
from django.conf import settings

from core.commit import decider as decider_module
from core.commit.batcher import CommitLimits, OverloadedError
from core.commit.decider import Decider, DeciderError, DeciderSpec
from core.commit.frames import FrameReader, frame_bytes
from core.embedded.supervisor import TERM_SECONDS

HALF = DeciderSpec([sys.executable, "-m", "tests.support.deciding_half"], settings.BASE_DIR)


def played(play: Callable[[Decider], Awaitable[None]], spec: DeciderSpec = HALF) -> Decider:
    """Play with a started decider on the loop that Granian uses, then close it."""
    decider = Decider(spec)

    async def whole() -> None:
        await decider.start()
        try:
            async with asyncio.timeout(60):
                await play(decider)
        finally:
            await decider.close()

    uvloop.run(whole())
    return decider


def asked(decider: Decider, name: str, commands: Sequence[object]) -> "asyncio.Future[Any]":
    """Return what will be told; an error is raised."""
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def decided(said: Sequence[Any] | Exception) -> None:
        if isinstance(said, Exception):
            answer.set_exception(said)
        else:
            answer.set_result(said)

    decider.decide(name, commands, decided)
    return answer


async def told(decider: Decider, name: str, commands: Sequence[object]) -> object:
    """Return the answers, or the code of what is raised."""
    try:
        return await asked(decider, name, commands)
    except OverloadedError as error:
        return error.code


def test_answers_find_their_questions_though_later_ones_are_quicker() -> None:
    async def play(decider: Decider) -> None:
        slow = asyncio.ensure_future(asked(decider, "sleep", [0.5]))
        assert await asked(decider, "double", list(range(2_000))) == list(range(0, 4_000, 2))
        assert not slow.done()
        assert await slow == [0.5]

    ended = played(play).process
    assert ended is not None
    assert ended.returncode == 0


def test_a_large_group_passes_whole() -> None:
    texts = [chr(0x4E00 + number) * 16_384 for number in range(256)]

    async def play(decider: Decider) -> None:
        assert await asked(decider, "double", texts) == [text * 2 for text in texts]

    played(play)


def test_a_service_that_raises_answers_nobody_and_goes_on() -> None:
    async def play(decider: Decider) -> None:
        assert await asked(decider, "fail", [1]) == ()
        assert await asked(decider, "double", [1]) == [2]

    played(play)


@pytest.mark.parametrize("service", ["leave", "unsendable"])
def test_a_service_that_leaves_or_answers_what_cannot_be_sent_answers_nobody_and_goes_on(
    service: str,
) -> None:
    async def play(decider: Decider) -> None:
        (first,) = await asked(decider, "pid", [0])
        for _ in range(2):
            async with asyncio.timeout(5):
                assert await asked(decider, service, [3]) == ()
        assert await asked(decider, "pid", [0]) == [first]

    played(play)


def test_what_cannot_be_read_or_sent_is_an_error_of_that_group_alone() -> None:
    async def play(decider: Decider) -> None:
        (first,) = await asked(decider, "pid", [0])
        async with asyncio.timeout(5):
            with pytest.raises(ValueError, match="no number"):
                await asked(decider, "unreadable", [1])
        with pytest.raises((AttributeError, TypeError), match=r"pickle|local object"):
            await asked(decider, "double", [lambda: 0])
        assert decider._link is not None
        assert decider._link._asked == {}
        assert await asked(decider, "pid", [0]) == [first]

    played(play)


def test_groups_are_numbered_for_longer_than_a_front_lives() -> None:
    async def play(decider: Decider) -> None:
        assert decider._link is not None
        decider._link._number = 2**32 - 2  # three months at five hundred a second
        for number in range(3):
            assert await asked(decider, "double", [number]) == [number * 2]

    played(play)


def test_who_was_under_way_when_it_ended_is_told_to_come_again_and_the_rest_waits() -> None:
    async def play(decider: Decider) -> None:
        (first,) = await asked(decider, "pid", [0])
        under_way = asyncio.ensure_future(told(decider, "sleep", [30]))
        dying = asyncio.ensure_future(told(decider, "die", [3]))
        assert [await under_way, await dying] == ["infra.try_later"] * 2
        (second,) = await asked(decider, "pid", [0])
        assert second != first
        assert not psutil.pid_exists(first)

    played(play)


def test_one_that_is_killed_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # However long a busy machine takes to start it.
    monkeypatch.setattr(decider_module, "PATIENCE_S", decider_module.START_S)

    async def play(decider: Decider) -> None:
        for _ in range(2):
            (pid,) = await asked(decider, "pid", [0])
            os.kill(pid, signal.SIGKILL)
            while decider._up.is_set():
                await asyncio.sleep(0.01)
            assert await asked(decider, "double", [4]) == [8]

    played(play)


def test_one_that_does_not_come_back_leaves_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decider_module, "PATIENCE_S", 0.5)

    async def play(decider: Decider) -> None:
        decider.spec = DeciderSpec([sys.executable, "-c", "raise SystemExit(7)"], HALF.cwd)
        assert await told(decider, "die", [3]) == "infra.try_later"
        assert await told(decider, "double", [1]) == "infra.try_later"

    played(play)


def test_a_group_that_waits_is_not_given_to_one_that_is_gone_again() -> None:
    async def play(decider: Decider) -> None:
        assert await told(decider, "die", [3]) == "infra.try_later"
        waiting = asked(decider, "double", [4])
        await asyncio.sleep(0)
        # Ready, and gone before whoever waited for it had his turn.
        decider._up.set()
        decider._up.clear()
        async with asyncio.timeout(10):
            assert await waiting == [8]

    played(play)


def test_who_waits_too_long_is_told_to_come_again_and_the_late_answer_is_nobodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decider_module, "ANSWER_S", 0.5)

    async def play(decider: Decider) -> None:
        assert await told(decider, "sleep", [1]) == "infra.try_later"
        assert await asked(decider, "double", [1]) == [2]
        # The same thread's next answer comes after the late one.
        monkeypatch.setattr(decider_module, "ANSWER_S", 20)
        assert await asked(decider, "sleep", [0]) == [0]

    played(play)


def test_an_orderly_end_is_over_before_a_supervisor_loses_patience() -> None:
    for waits_s in (decider_module.ANSWER_S, CommitLimits().grace_s):
        assert waits_s + decider_module.LEAVE_S < TERM_SECONDS


def test_a_front_whose_half_does_not_start_does_not_start_either() -> None:
    async def play(_: Decider) -> None:
        raise AssertionError("started")

    with pytest.raises(DeciderError, match="ended with code 7"):
        played(play, DeciderSpec([sys.executable, "-c", "raise SystemExit(7)"], Path.cwd()))


def test_one_that_is_not_ready_in_time_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decider_module, "START_S", 0.5)
    decider = Decider(DeciderSpec([sys.executable, "-c", "import time; time.sleep(60)"], HALF.cwd))
    with pytest.raises(DeciderError, match="not ready in time"):
        uvloop.run(decider.start())
    assert decider.process is not None
    assert decider.process.returncode == -signal.SIGKILL
    assert not psutil.pid_exists(decider.process.pid)


def test_it_is_started_again_whatever_kept_it_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures = [RuntimeError("can't start new thread"), BlockingIOError("no more processes")]
    real: Any = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments, **options)

    async def play(decider: Decider) -> None:
        monkeypatch.setattr(decider_module, "PATIENCE_S", 50)
        files = len(os.listdir("/proc/self/fd"))
        monkeypatch.setattr(subprocess, "Popen", start)
        assert await told(decider, "die", [3]) == "infra.try_later"
        while failures:
            await asyncio.sleep(0.01)
        assert await asked(decider, "double", [4]) == [8]
        assert len(os.listdir("/proc/self/fd")) == files

    played(play)


def test_a_front_killed_by_force_takes_it_along_though_a_service_is_stuck() -> None:
    ours, theirs = socket.socketpair()
    argv = [*HALF.argv, "0.5"]
    with subprocess.Popen(argv, cwd=HALF.cwd, stdin=theirs.fileno()) as process, ours:
        theirs.close()
        ours.recv(64)
        ours.sendall(frame_bytes(1, "sleep", [60]))
        ours.sendall(frame_bytes(2, "double", [1]))
        ours.recv(64)
        ours.close()
        try:
            assert process.wait(10) == 1
        finally:
            process.kill()


def test_signals_to_the_whole_group_do_not_end_it_but_the_closed_socket_does() -> None:
    async def play(decider: Decider) -> None:
        (pid,) = await asked(decider, "pid", [0])
        for one in (signal.SIGTERM, signal.SIGINT):
            os.kill(pid, one)
        assert await asked(decider, "pid", [0]) == [pid]

    ended = played(play).process
    assert ended is not None
    assert ended.returncode == 0


def test_what_is_under_way_when_the_front_goes_is_ended_in_order(tmp_path: Path) -> None:
    async def play(decider: Decider) -> None:
        asyncio.ensure_future(told(decider, "sleep", [0.5]))  # noqa: RUF006 - nobody waits for it
        await asyncio.sleep(0)

    ended = played(play).process
    assert ended is not None
    assert ended.returncode == 0


def test_frames_come_out_as_they_went_in_wherever_the_stream_is_cut() -> None:
    sent = [(1, "claims", ["甲"]), (2, "", None), (3, "x" * 300, {"at": 5}), (4, "y", b"")]
    stream = b"".join(frame_bytes(*one) for one in sent)
    for size in (1, 7, len(stream)):
        reader = FrameReader()
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        found = [frame for piece in pieces for frame in reader.feed(piece)]
        assert [(one.number, one.name, one.value()) for one in found] == sent
