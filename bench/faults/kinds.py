"""The faults: what is broken, and how it comes back."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGKILL, SIGQUIT
from typing import Final

import psutil
import redis

from bench.faults.proxy import CuttingProxy, Moment
from config.hot_routes import DECIDER
from core.embedded.errors import EmbeddedError
from core.embedded.postgres import PostgresServer
from core.embedded.processes import stop_pid
from core.embedded.supervisor import Supervisor
from core.embedded.valkey import ValkeyServer

HOT_FUNCTIONS: Final = ("vouchers_claim", "redemptions_hold", "redemptions_confirm")
STOP_S = 20.0
CUT_S = 20.0
"""How long an armed cut waits for its statement."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What can be broken: servers, processes, and the way from them to the database."""

    supervisor: Supervisor
    postgres: PostgresServer
    valkey: ValkeyServer
    proxy: CuttingProxy
    redis_url: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault; ``make`` returns once the platform may recover.

    It returns what was done, in words.
    """

    name: str
    make: Callable[[Platform, random.Random], str]
    proxied: bool = False
    """Whether the platform reaches the database through the proxy."""


def front_kill(platform: Platform, chance: random.Random) -> str:
    """End the front and its workers as a crash would; the supervisor starts it again."""
    platform.supervisor.kill("front")
    away_s = chance.uniform(0.0, 0.5)
    time.sleep(away_s)
    platform.supervisor.restart("front")
    return f"started again after {away_s:.2f} s"


def deciders_of(front: int) -> list[psutil.Process]:
    """Return the deciding processes below a front's launcher (its pid), one for each front."""
    started = psutil.Process(front).children(recursive=True)
    return [process for process in started if DECIDER in process.cmdline()]


def decider_kill(platform: Platform, chance: random.Random) -> str:
    """End the process that decides for the front; the front starts another one."""
    del chance
    deciders = deciders_of(platform.supervisor.children["front"].process.pid)
    for process in deciders:
        process.kill()
    return f"{len(deciders)} killed"


def postgres_stop(platform: Platform, chance: random.Random) -> str:
    """Stop PostgreSQL as `pg_ctl stop -m immediate` does: no checkpoint, recovery at the start."""
    pid = platform.postgres.pid()
    if pid is None or not stop_pid(pid, [(SIGQUIT, STOP_S)]):
        raise EmbeddedError("PostgreSQL was not there to be stopped, or did not stop")
    away_s = chance.uniform(0.0, 1.0)
    time.sleep(away_s)
    platform.postgres.start()
    return f"started again after {away_s:.2f} s"


def connection_cut(platform: Platform, chance: random.Random) -> str:
    """Lose the answer to one statement of each hot function, after it was sent to commit."""
    proxy, before = platform.proxy, len(platform.proxy.cuts)
    for function in HOT_FUNCTIONS:
        proxy.arm(function, chance.choice(list(Moment)))
    deadline = time.monotonic() + CUT_S
    while len(proxy.cuts) < before + len(HOT_FUNCTIONS):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"only {len(proxy.cuts) - before} cuts: the load was over")
        time.sleep(0.01)
    return "; ".join(sorted(proxy.cuts[before:]))


def valkey_flush(platform: Platform, chance: random.Random) -> str:
    """Empty Valkey: rates, nonces, and the messages to the workers."""
    del chance
    with redis.Redis.from_url(platform.redis_url) as client:
        client.flushall()
    return "emptied"


def valkey_stop(platform: Platform, chance: random.Random) -> str:
    """Stop Valkey, in half of the cases by KILL, and start it again."""
    kill = chance.random() < 0.5
    pid = platform.valkey.pid()
    if kill and pid is not None:
        stop_pid(pid, [(SIGKILL, STOP_S)])
    else:
        platform.valkey.stop()
    away_s = chance.uniform(0.2, 2.0)
    time.sleep(away_s)
    platform.valkey.start()
    return f"{'killed' if kill else 'stopped'}, started again after {away_s:.2f} s"


POSTGRES_STOP: Final = Fault("immediate stop of PostgreSQL", postgres_stop)
FAULTS: Final = (
    Fault("kill -9 of the front", front_kill),
    Fault("kill -9 of its deciding process", decider_kill),
    POSTGRES_STOP,
    Fault("connection cut after COMMIT was sent", connection_cut, proxied=True),
    Fault("Valkey flushed", valkey_flush),
    Fault("Valkey stopped", valkey_stop),
)
