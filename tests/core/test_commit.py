"""Group commit: who is answered what, when groups fail, queues fill and processes end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from django.db import OperationalError, ProgrammingError, connection
from structlog.testing import capture_logs

from core.commit import groups
from core.commit.batcher import CommitLimits, Decided, GroupCommit, OverloadedError
from core.commit.groups import call_connected, group_decide
from core.errors import DomainError

R = TypeVar("R")


class Gate:
    """A service that waits until it is let go, and remembers the groups it was given."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.open = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def __call__(self, commands: Sequence[int]) -> list[str]:
        self.groups.append(list(commands))
        self.entered.release()
        await self.open.wait()
        return [f"answer {command}" for command in commands]


def told_of(
    decide: Callable[[Sequence[int]], Awaitable[Sequence[R]]],
) -> Callable[[Sequence[int], Decided[R]], None]:
    """Have a group decided by a task, as another process would."""

    async def play(commands: Sequence[int], decided: Decided[R]) -> None:
        try:
            decided(await decide(commands))
        except Exception as error:
            decided(error)

    def begin(commands: Sequence[int], decided: Decided[R]) -> None:
        tasks.append(asyncio.ensure_future(play(commands, decided)))

    tasks: list[asyncio.Task[None]] = []
    return begin


def played(playing: Coroutine[Any, Any, R]) -> R:
    """Run to the end; whoever waits for ever fails."""
    return asyncio.run(asyncio.wait_for(playing, 20))


async def taken(gate: Gate, groups_in: int) -> None:
    """Return once the service has been given that many groups."""
    for _ in range(groups_in):
        await gate.entered.acquire()


def test_what_arrives_during_one_commit_goes_into_the_next() -> None:
    gate = Gate()

    async def play() -> list[str]:
        queue = GroupCommit("test", told_of(gate), CommitLimits(in_flight=1))
        first = asyncio.ensure_future(queue.submit(0))
        await taken(gate, 1)
        rest = [asyncio.ensure_future(queue.submit(number)) for number in range(1, 6)]
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(first, *rest)
        await queue.close()
        return answers

    assert played(play()) == [f"answer {number}" for number in range(6)]
    assert gate.groups == [[0], [1, 2, 3, 4, 5]]


def test_a_full_queue_refuses_and_nothing_of_it_is_decided() -> None:
    gate = Gate()

    async def play() -> list[str | BaseException]:
        queue = GroupCommit("test", told_of(gate), CommitLimits(in_flight=1, capacity=2))
        first = asyncio.ensure_future(queue.submit(0))
        await taken(gate, 1)
        rest = [asyncio.ensure_future(queue.submit(number)) for number in range(1, 4)]
        await asyncio.sleep(0)
        gate.open.set()
        return list(await asyncio.gather(first, *rest, return_exceptions=True))

    *answered, refused = played(play())
    assert answered == ["answer 0", "answer 1", "answer 2"]
    assert isinstance(refused, OverloadedError)
    assert (refused.status, refused.retry_after_s) == (503, 1)
    assert gate.groups == [[0], [1, 2]]


def test_who_waited_too_long_is_refused_undecided() -> None:
    gate = Gate()

    async def play() -> list[str | BaseException]:
        queue = GroupCommit("test", told_of(gate), CommitLimits(in_flight=1, wait_s=0.05))
        first = asyncio.ensure_future(queue.submit(0))
        await taken(gate, 1)
        late = asyncio.ensure_future(queue.submit(1))
        await asyncio.sleep(0.1)  # longer than it may wait
        gate.open.set()
        return list(await asyncio.gather(first, late, return_exceptions=True))

    answered, refused = played(play())
    assert answered == "answer 0"
    assert isinstance(refused, OverloadedError)
    assert gate.groups == [[0]]


def test_the_wait_is_bounded_although_no_group_is_answered() -> None:
    gate = Gate()

    async def play() -> BaseException | str:
        queue = GroupCommit("test", told_of(gate), CommitLimits(in_flight=1, wait_s=0.05))
        first = asyncio.ensure_future(queue.submit(0))
        await taken(gate, 1)
        (refused,) = await asyncio.gather(queue.submit(1), return_exceptions=True)
        assert not first.done()
        gate.open.set()
        assert await first == "answer 0"
        return refused

    assert isinstance(played(play()), OverloadedError)
    assert gate.groups == [[0]]


def test_closing_answers_everybody_accepted_and_refuses_who_comes_later() -> None:
    gate = Gate()

    async def play() -> list[str | BaseException]:
        queue = GroupCommit("test", told_of(gate), CommitLimits(in_flight=1))
        accepted = [asyncio.ensure_future(queue.submit(number)) for number in range(3)]
        await taken(gate, 1)
        closing = asyncio.ensure_future(queue.close())
        await asyncio.sleep(0)
        late = asyncio.ensure_future(queue.submit(9))
        gate.open.set()
        answers = await asyncio.gather(*accepted, late, return_exceptions=True)
        await closing
        return answers

    *answered, refused = played(play())
    assert answered == ["answer 0", "answer 1", "answer 2"]
    assert isinstance(refused, OverloadedError)


def test_closing_does_not_wait_for_ever_but_leaves_nobody_without_an_answer() -> None:
    gate = Gate()

    async def play() -> list[str | BaseException]:
        queue = GroupCommit("test", told_of(gate), CommitLimits(in_flight=1, grace_s=0.05))
        first = asyncio.ensure_future(queue.submit(0))
        await taken(gate, 1)
        waiting = asyncio.ensure_future(queue.submit(1))
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(queue.close())
        refused = await asyncio.gather(first, waiting, return_exceptions=True)
        gate.open.set()
        await closing
        return list(refused)

    assert [type(one) for one in played(play())] == [OverloadedError, OverloadedError]


def test_a_caller_who_goes_away_changes_nothing_for_the_others() -> None:
    gate = Gate()

    async def play() -> str:
        queue = GroupCommit("test", told_of(gate), CommitLimits(in_flight=1))
        first = asyncio.ensure_future(queue.submit(0))
        await taken(gate, 1)
        gone, other = (asyncio.ensure_future(queue.submit(number)) for number in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        gate.open.set()
        await first
        return await other

    assert played(play()) == "answer 2"
    assert gate.groups == [[0], [1, 2]]


@pytest.mark.parametrize(
    ("broken", "code"),
    [(OverloadedError(), "infra.try_later"), (RuntimeError("lost"), "infra.internal_error")],
)
def test_what_fails_for_a_group_is_everybodys_answer_and_the_next_group_goes(
    broken: Exception, code: str
) -> None:
    async def decide(commands: Sequence[int]) -> list[int]:
        if 0 in commands:
            raise broken
        return list(commands)

    async def play() -> list[int | BaseException]:
        queue = GroupCommit("test", told_of(decide), CommitLimits(in_flight=1))
        return list(await asyncio.gather(queue.submit(0), queue.submit(1), return_exceptions=True))

    failed, answered = played(play())
    assert isinstance(failed, DomainError)
    assert (failed.code, answered) == (code, 1)


@pytest.mark.parametrize("said", [[0, 7], [], None, 7])
def test_answers_that_do_not_belong_to_the_commands_are_nobodys(said: Any) -> None:
    def decide(_: Sequence[int], decided: Decided[Any]) -> None:
        asyncio.get_running_loop().call_soon(decided, said)

    async def play() -> list[int | BaseException]:
        queue = GroupCommit("test", decide, CommitLimits(in_flight=1))
        return list(await asyncio.gather(queue.submit(0), return_exceptions=True))

    (failed,) = played(play())
    assert isinstance(failed, DomainError)
    assert failed.code == "infra.internal_error"


def test_groups_grow_while_commits_are_quick_and_shrink_when_they_are_slow() -> None:
    queue: GroupCommit[int, str] = GroupCommit(
        "test", told_of(Gate()), CommitLimits(least=4, most=16)
    )
    sizes = []
    for taken_now, took_s in ((4, 0.01), (8, 0.01), (16, 0.01), (16, 0.5), (8, 0.5), (4, 0.5)):
        queue._adapt(taken_now, took_s)
        sizes.append(queue._size)
    assert sizes == [8, 16, 16, 8, 4, 4]


def spoilt_by(number: int, error: Exception, calls: list[list[int]]) -> Callable[..., list[int]]:
    """Return a service that fails as a whole whenever ``number`` is in the group."""

    def decide(commands: Sequence[int]) -> list[int]:
        calls.append(list(commands))
        if number in commands:
            raise error
        return [command * 10 for command in commands]

    return decide


@pytest.mark.django_db
def test_a_poisoned_command_spoils_nobody_else() -> None:
    calls: list[list[int]] = []
    answers = group_decide(spoilt_by(5, ValueError("poison"), calls), list(range(8)))
    decided = [one for one in answers if not isinstance(one, DomainError)]
    assert decided == [0, 10, 20, 30, 40, 60, 70]
    assert isinstance(answers[5], DomainError)
    assert answers[5].code == "infra.internal_error"
    assert len(calls) <= 7


@pytest.mark.django_db
def test_a_fault_of_the_database_is_no_commands() -> None:
    calls: list[list[int]] = []
    answers = group_decide(spoilt_by(1, ProgrammingError("no such function"), calls), [1, 2, 3])
    assert [getattr(one, "code", one) for one in answers] == ["infra.internal_error"] * 3
    assert calls == [[1, 2, 3]]


@pytest.mark.django_db
def test_a_bug_that_spoils_everything_is_not_tried_for_ever() -> None:
    calls = 0

    def decide(commands: Sequence[int]) -> list[int]:
        nonlocal calls
        calls += 1
        raise ValueError(commands)

    answers = group_decide(decide, list(range(256)))
    assert {getattr(one, "code", one) for one in answers} == {"infra.internal_error"}
    assert (len(answers), calls) == (256, groups.TRIES)


@pytest.mark.django_db
def test_a_contended_database_is_nobodys_fault() -> None:
    calls: list[list[int]] = []
    answers = group_decide(spoilt_by(1, DomainError("infra.try_later"), calls), [1, 2, 3])
    assert [getattr(one, "code", one) for one in answers] == ["infra.try_later"] * 3
    assert calls == [[1, 2, 3]]


def test_a_lost_connection_is_made_anew_and_the_group_decided_again(
    own_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "PAUSE_S", 0.001)
    calls = 0

    def decide(commands: Sequence[int]) -> list[int]:
        nonlocal calls
        calls += 1
        with connection.cursor() as cursor:
            if calls == 1:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            cursor.execute("SELECT 1")
        return list(commands)

    with capture_logs() as logs:
        assert group_decide(decide, [1, 2]) == [1, 2]
    assert calls == 2
    (told,) = logs
    assert (told["event"], told["attempt"]) == ("commit_connection_lost", 1)
    assert told["reason"] == "terminating connection due to administrator command"


@pytest.mark.django_db
def test_a_fault_of_the_statement_is_not_taken_for_a_lost_connection() -> None:
    calls = 0

    def decide() -> None:
        nonlocal calls
        calls += 1
        raise OperationalError("canceling statement due to statement timeout")

    with pytest.raises(OperationalError):
        call_connected(decide)
    assert calls == 1
