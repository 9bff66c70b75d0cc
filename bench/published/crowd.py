"""Several worker processes that start at the same moment, and what came of them."""

import os
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]


def crowd_play(
    command: Sequence[str], plans: Sequence[Mapping[str, Any]], env: Mapping[str, str]
) -> dict[str, Any]:
    """Run one worker per plan; returns units accepted and how fast, until the last of them.

    ``command`` runs a module that calls `bench.published.gate.worker_run`.
    """
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - modules of ours
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=ROOT,
                    env={**os.environ, **env},
                )
            )
            for _ in plans
        ]
        for worker, plan in zip(workers, plans, strict=True):
            _tell(worker, orjson.dumps(plan))
        for worker in workers:
            _hear(worker)
        for worker in workers:
            _tell(worker, b"go")
        told = [_hear(worker) for worker in workers]
    accepted = sum(one["accepted"] for one in told)
    seconds = max(one["last"] for one in told) - min(one["started"] for one in told)
    errors: Counter[str] = Counter()
    for one in told:
        errors.update(one["errors"])
    return {
        "accepted": accepted,
        "seconds": round(seconds, 3),
        "per_s": round(accepted / seconds, 1) if accepted else 0.0,
        "errors": dict(errors),
    }


def module_run(python: str, module: str, plan: Any, env: Mapping[str, str]) -> Any:
    """Run a module of the bench in another environment; its plan goes in, its answer comes out."""
    done = subprocess.run(  # noqa: S603 - modules of ours
        [python, "-m", module],
        input=orjson.dumps(plan),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **env},
        check=True,
    )
    return orjson.loads(done.stdout.splitlines()[-1])


def _tell(worker: subprocess.Popen[bytes], line: bytes) -> None:
    if worker.stdin is None:
        raise AssertionError(worker.args)
    worker.stdin.write(line + b"\n")
    worker.stdin.flush()


def _hear(worker: subprocess.Popen[bytes]) -> dict[str, Any]:
    line = worker.stdout.readline() if worker.stdout else b""
    if not line:
        raise SystemExit(f"a worker ended early: {worker.args!r}")
    heard: dict[str, Any] = orjson.loads(line)
    return heard
