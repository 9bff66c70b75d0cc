"""The worker's side of `bench.published.crowd`: get ready, wait for the start, ask, tell.

Only the standard library, since it runs in other environments too. A worker reads its plan as one
line of JSON, says when it is ready, and starts when another line comes.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def worker_run(make: Callable[[dict[str, Any]], tuple[Sequence[T], Callable[[T], int]]]) -> None:
    """Play one worker: ``make`` takes the plan and gives what to ask for, and how.

    How: a function that asks for one thing and returns how many units were accepted. Times are
    those of the system's monotonic clock, the same for all workers.
    """
    things, ask = make(json.loads(sys.stdin.readline()))
    _say({"ready": len(things)})
    sys.stdin.readline()
    accepted, errors = 0, Counter[str]()
    started = last = time.monotonic()
    for thing in things:
        try:
            count = ask(thing)
        except Exception as error:
            errors[type(error).__name__] += 1  # counted, and the next is asked
            continue
        if count:
            accepted, last = accepted + count, time.monotonic()
    _say(
        {
            "accepted": accepted,
            "errors": errors,
            "started": started,
            "last": last,
            "ended": time.monotonic(),
            "cpu_s": time.process_time(),
        }
    )


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
