"""Plays rounds: load, a fault in its middle, the load's end, and what must hold then."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.db import connections

from bench.faults.answers import Answer, AnswerLog, figures
from bench.faults.checks import replays_check, round_check, to_replay
from bench.faults.kinds import Fault, Platform
from bench.faults.shoppers import Shopping, asked_again
from bench.world import BenchWorld
from config.cli.screen import say
from core.embedded.errors import EmbeddedError
from core.ids import to_public
from core.invariants.services import invariants_check
from vouchers.models import Batch

R = TypeVar("R")
ASKS_PER_PERSON = 3
EARLIEST, LATEST = 0.05, 0.55
"""When the fault comes, as a share of the requests a round will have."""
ROUND_S = 240.0
LINES_AGAIN = 32
SHOWN = 20
"""Of what is wrong, so much is kept in words."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much of it there is in a round."""

    people: int
    units: int
    shoppers: int


@dataclass(slots=True)
class Player:
    """What rounds share."""

    world: BenchWorld
    load: Load
    port: int
    tills: list[tuple[str, str]]
    paid_at: str
    loop: asyncio.AbstractEventLoop
    log_file: Path
    seed: int
    rounds: int = 0

    def play(self, fault: Fault, platform: Platform, number: int) -> dict[str, Any]:
        """Play one round; its figures, and what was wrong."""
        batch, seed = self.world.batches[self.rounds], f"{self.seed}-{fault.name}-{number}"
        chance = random.Random(seed)  # noqa: S311 - moments, not secrets
        log = AnswerLog(self.log_file, f"{fault.name} {number}")
        shopping = self._shopping(batch, log, seed)
        self.rounds += 1
        at = round(chance.uniform(EARLIEST, LATEST) * ASKS_PER_PERSON * self.load.units)
        started = time.monotonic()
        playing = asyncio.run_coroutine_threadsafe(shopping.play(), self.loop)
        while len(log.answers) < at and not playing.done():
            time.sleep(0.005)
        if playing.done():
            raise EmbeddedError(f"the load was over before the fault: {playing.exception()!r}")
        answers_before, waiting = len(log.answers), log.waiting
        try:
            done = fault.make(platform, chance)
            playing.result(ROUND_S)
        finally:
            playing.cancel()
            log.close()
        load_s = time.monotonic() - started
        restarts = restart_dead(platform)
        connections.close_all()  # the fault may have broken ours too
        wrong = [*self._replayed_wrong(log.answers), *round_check(batch, log.answers)]
        return {
            "fault": done,
            "answers_before": answers_before,
            "waiting_at_fault": waiting,
            "load_s": round(load_s, 1),
            **figures(log.answers),
            "died_otherwise": restarts,
            "wrong": len(wrong),
            "wrong_words": wrong[:SHOWN],
        }

    def _shopping(self, batch: Batch, log: AnswerLog, seed: str) -> Shopping:
        people = self.world.people
        first = self.rounds * self.load.people
        return Shopping(
            label=f"{self.rounds:04d}",
            key=self.world.key,
            port=self.port,
            batch_id=to_public("bat", batch.pk),
            people=[people[(first + n) % len(people)] for n in range(self.load.people)],
            tills=self.tills,
            paid_at=self.paid_at,
            log=log,
            shoppers=self.load.shoppers,
            seed=seed,
        )

    def _replayed_wrong(self, answers: list[Answer]) -> list[str]:
        first = to_replay(answers)
        asks = [one.ask for one in first]
        asking = asked_again(self.world.key, asks, port=self.port, lines=LINES_AGAIN)
        again = asyncio.run_coroutine_threadsafe(asking, self.loop).result(ROUND_S)
        return replays_check(first, again)


def restart_dead(platform: Platform) -> list[str]:
    """Start again what ended by itself, as a service manager would; return the names."""
    dead = [child.spec.name for child in platform.supervisor.dead()]
    for name in dead:
        platform.supervisor.restart(name)
    return dead


def times_play(player: Player, fault: Fault, platform: Platform, *, times: int) -> dict[str, Any]:
    """Make one kind of fault so many times; the books are checked at the end."""
    rounds = []
    for number in range(times):
        played = player.play(fault, platform, number)
        rounds.append(played)
        say(f"    {number + 1:>3} {line(played)}")
    report = invariants_check()
    return {
        "times": times,
        **totals(rounds),
        "violations": {one.name: one.violations for one in report.failed},
        "rounds": rounds,
    }


def line(played: dict[str, Any]) -> str:
    """Say in a line what a round was like."""
    return (
        f"{played['answers']:>5} answers in {played['load_s']} s, {played['waiting_at_fault']} on"
        f" their way, longest {played['longest_s']} s, {played['fault']}"
        + (f", WRONG: {played['wrong']} {played['wrong_words'][:2]}" if played["wrong"] else "")
    )


def totals(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Add the rounds up."""
    counted = (
        *("answers", "granted", "attempts_without_answer", "attempts_told_later"),
        *("granted_after_repeating", "first_answer_was_replay", "wrong"),
    )
    refused: Counter[str] = Counter()
    for one in rounds:
        refused.update(one["refused"])
    return {
        **{name: sum(one[name] for one in rounds) for name in counted},
        "refused": dict(sorted(refused.items())),
        "longest_s": max(one["longest_s"] for one in rounds),
        "died_otherwise": sum(len(one["died_otherwise"]) for one in rounds),
    }


@contextmanager
def loop_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop beside the caller, who may wait and break things meanwhile."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="load", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def loop_run(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine on the other thread's loop; return what it returns."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(ROUND_S)
