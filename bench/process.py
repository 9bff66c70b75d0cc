"""Large work in a process of its own, so that its memory is its own.

python -m bench.process check JOB_ID     # prints a JSON line: seconds, rows, peak_rss_mb, …
python -m bench.process grant JOB_ID
python -m bench.process sweep
"""

import os
import sys
import time
from typing import Any
from uuid import UUID

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
django.setup()

from bench.memory import peak_mb  # noqa: E402 - needs the settings
from core import clock  # noqa: E402
from core.jobs.models import Job  # noqa: E402
from core.jobs.services import job_run  # noqa: E402
from vouchers.grants.running import grant_run  # noqa: E402
from vouchers.services.expiry import vouchers_expire  # noqa: E402


def check(job_id: UUID) -> dict[str, Any]:
    """Find the people of a list that was sent in."""
    started = time.perf_counter()
    job = job_run(job_id=job_id, now=clock.now())
    return {
        "seconds": time.perf_counter() - started,
        "rows": job.result["people"] if job else 0,
        "job": job.state if job else None,
    }


def grant(job_id: UUID) -> dict[str, Any]:
    """Grant an approved list, then let its job write what became of everybody."""
    grant_id = UUID(Job.objects.get(pk=job_id).params["grant"])
    before, started = time.process_time(), time.perf_counter()
    rows = [0]
    is_done = grant_run(
        grant_id=grant_id, now=clock.now, advance=lambda n: rows.__setitem__(0, rows[0] + n)
    )
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - before
    started = time.perf_counter()
    job = job_run(job_id=job_id, now=clock.now())
    return {
        "seconds": seconds,
        "cpu_s": cpu_s,
        "rows": rows[0],
        "done": is_done,
        "job": job.state if job else None,
        "result_file_s": time.perf_counter() - started,
    }


def sweep() -> dict[str, Any]:
    """Expire what is due."""
    before, started = time.process_time(), time.perf_counter()
    rows = vouchers_expire(now=clock.now())
    return {
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - before,
        "rows": rows,
    }


def main(argv: list[str]) -> None:
    """Do what is asked and print what it took."""
    match argv:
        case ["check", job_id]:
            result = check(UUID(job_id))
        case ["grant", job_id]:
            result = grant(UUID(job_id))
        case _:
            result = sweep()
    result["peak_rss_mb"] = peak_mb()
    sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
