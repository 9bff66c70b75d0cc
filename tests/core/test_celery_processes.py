"""A real worker and a real beat: queues, task names and schedules fit together."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from celery import current_app
from django.db import connection, transaction
from django_celery_beat.models import PeriodicTask

from config.cli.platform import platform_environment
from config.settings.celery_settings import QUEUE_NAMES
from core.audit.models import AuditLink
from core.audit.services import audit_record
from core.clock import TIME_ZONE
from core.embedded.paths import CHECKOUT
from core.embedded.record import ServiceUrls
from core.jobs.schedules import pollers, tick_jobs
from core.tasks import audit_tasks

NOW = datetime(2024, 3, 30, 9, tzinfo=TIME_ZONE)


@contextmanager
def celery(urls: ServiceUrls, log: Path, *argv: str) -> Iterator[None]:
    """Run a Celery process on these services."""
    command = [sys.executable, "-m", "celery", "--app=config.celery", *argv, "--loglevel=INFO"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=platform_environment(urls), stdout=stream, stderr=stream
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:  # what it did is tested, not how fast it ends
                process.kill()
                process.wait(30)


def eventually(question: Callable[[], bool], log: Path, seconds: float = 40) -> None:
    """Wait until the answer is yes; fail with the process's log otherwise."""
    until = time.monotonic() + seconds
    while not question():
        if time.monotonic() > until:
            pytest.fail(log.read_text(errors="replace")[-3000:])
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:task_always_eager has no effect")
def test_a_worker_does_what_is_sent_and_beat_writes_the_schedules(
    own_database: ServiceUrls, service_urls: ServiceUrls, tmp_path: Path
) -> None:
    urls = ServiceUrls(own_database.database_url, own_database.owner_url, service_urls.redis_url)
    audit_record(action="a", subject_type="t", subject_id=1, now=NOW)
    PeriodicTask.objects.filter(name__startswith="xfq:").delete()
    worker_log, beat_log = tmp_path / "worker.log", tmp_path / "beat.log"
    queues = f"--queues={','.join(QUEUE_NAMES)}"
    with (
        celery(urls, worker_log, "worker", queues, "--pool=solo", "--without-mingle"),
        celery(urls, beat_log, "beat", "--pidfile="),
    ):
        current_app.send_task(audit_tasks.CHAIN_TASK, queue="events", ignore_result=True)
        eventually(lambda: AuditLink.objects.count() == 1, worker_log)
        names = [poller.name for poller in pollers()] + [job.name for job in tick_jobs()]
        wanted = {f"xfq:{name}" for name in names}
        eventually(
            lambda: (
                set(
                    PeriodicTask.objects.filter(name__startswith="xfq:").values_list(
                        "name", flat=True
                    )
                )
                == wanted
            ),
            beat_log,
        )
        eventually(lambda: b"Sending due task" in beat_log.read_bytes(), beat_log)


_WAITING = """
    SELECT a.query_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE NOT l.granted AND l.relation = 'django_celery_beat_periodictasks'::regclass
"""


@pytest.mark.slow
def test_beat_ends_when_told_in_the_middle_of_a_query(
    own_database: ServiceUrls, service_urls: ServiceUrls, tmp_path: Path
) -> None:
    urls = ServiceUrls(own_database.database_url, own_database.owner_url, service_urls.redis_url)
    log = tmp_path / "beat.log"

    def waiting() -> list[datetime]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # kept for a transaction otherwise
            cursor.execute(_WAITING)
            return [began for (began,) in cursor.fetchall()]

    with log.open("wb") as stream:
        beat = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app=config.celery", "beat", "--pidfile="],
            cwd=CHECKOUT,
            env=platform_environment(urls),
            stdout=stream,
            stderr=stream,
        )
    try:
        eventually(lambda: b"Sending due task" in log.read_bytes(), log)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE django_celery_beat_periodictasks")
            eventually(lambda: bool(waiting()), log)
            before = waiting()
            beat.terminate()
            # Given up; its end may wait for the same table again.
            eventually(lambda: waiting() != before, log)
        assert beat.wait(20) == 0
    finally:
        beat.kill()
        beat.wait(30)
