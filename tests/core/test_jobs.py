"""Long work: once at a time, with progress others can see, and files that are whole."""

import hashlib
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

from core.access.models import Role
from core.audit.models import AuditEvent
from core.clock import TIME_ZONE
from core.embedded.record import ServiceUrls
from core.errors import InvalidParametersError
from core.jobs import registry, services
from core.jobs.errors import JobFileChangedError
from core.jobs.files import job_file_path, job_file_write
from core.jobs.models import Job, JobFile
from core.jobs.progress import Progress
from core.jobs.registry import JobKind, job_kind_register
from core.jobs.services import job_create, job_run, jobs_sweep
from core.transactions import transaction
from tests.factories.merchants import LIUZHOU, NANNING
from tests.factories.staff import staff_make

NOW = datetime(2024, 3, 30, 9, tzinfo=TIME_ZONE)
State = Job.State


class Work:
    """A kind of job whose runner does what the test wants."""

    def __init__(self) -> None:
        """Register the kind."""
        self.runs = 0
        self.error: Exception | None = None
        self.started, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        job_kind_register(JobKind("test.work", "测试任务", self.run, "core.view_job"))

    def run(self, job: Job, progress: Progress) -> Mapping[str, Any]:
        """Count the run, wait if told to, fail if told to."""
        self.runs += 1
        progress.start(2, "处理中")
        self.started.set()
        assert self.go_on.wait(20)
        if self.error:
            raise self.error
        progress.advance(2)
        return {"rows": job.params["rows"]}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(registry, "_kinds", {})
    return Work()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    messages: list[str] = []
    monkeypatch.setattr(services, "job_send", lambda *, job_id: messages.append(str(job_id)))
    return messages


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, settings: Settings) -> None:
    settings.FILES_DIR = tmp_path


def create(region: str = NANNING) -> Job:
    """Queue a job of the test's kind."""
    return job_create(
        kind="test.work", params={"rows": 2}, owner_region=region, created_by=None, now=NOW
    )


@pytest.mark.django_db
def test_a_job_runs_to_its_end_once(work: Work, sent: list[str]) -> None:
    job = create()
    assert (job.state, job.title, job.created_at) == (State.QUEUED, "测试任务", NOW)
    done = job_run(job_id=job.pk, now=NOW + timedelta(minutes=1))
    assert done is not None
    assert (done.state, done.done, done.total, done.result) == (State.DONE, 2, 2, {"rows": 2})
    assert done.started_at == NOW + timedelta(minutes=1)
    assert done.finished_at is not None
    assert job_run(job_id=job.pk, now=NOW) is None
    assert work.runs == 1
    assert AuditEvent.objects.get().action == "job.create"


def test_a_job_wakes_a_worker_after_the_commit(
    own_database: ServiceUrls, work: Work, sent: list[str]
) -> None:
    with transaction():
        job = create()
        assert sent == []
    assert sent == [str(job.pk)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InvalidParametersError.one("第3行", "金额为空"), "请求参数不正确；金额为空"),
        (KeyError("4501021990…"), "KeyError"),
    ],
)
def test_a_failed_job_says_so_without_details_that_may_be_personal(
    work: Work, sent: list[str], error: Exception, message: str
) -> None:
    work.error = error
    failed = job_run(job_id=create().pk, now=NOW)
    assert failed is not None
    assert (failed.state, failed.message, failed.result) == (State.FAILED, message, {})
    assert (failed.done, failed.total) == (0, 2)


def test_a_job_runs_once_at_a_time_and_the_sweep_finds_lost_ones(
    own_database: ServiceUrls, work: Work, sent: list[str]
) -> None:
    job, waiting = create(), create()
    sent.clear()
    work.go_on.clear()

    def run() -> None:
        job_run(job_id=job.pk, now=NOW)
        connections.close_all()

    worker = threading.Thread(target=run)
    worker.start()
    try:
        assert work.started.wait(10)
        assert job_run(job_id=job.pk, now=NOW) is None
        assert Job.objects.get(pk=job.pk).message == "处理中"
        assert jobs_sweep() == 1
        assert sent == [str(waiting.pk)]
    finally:
        work.go_on.set()
        worker.join()
    assert work.runs == 1
    # What a killed worker leaves behind: running, and nobody holds its lock.
    Job.objects.filter(pk=job.pk).update(state=State.RUNNING)
    sent.clear()
    assert jobs_sweep() == 2
    assert sent == [str(job.pk), str(waiting.pk)]
    again = job_run(job_id=job.pk, now=NOW)
    assert again is not None
    assert (again.state, work.runs) == (State.DONE, 2)


def test_progress_is_seen_while_the_work_is_one_transaction(own_database: ServiceUrls) -> None:
    job = Job.objects.create(kind="x", title="x", owner_region=NANNING, created_at=NOW)
    progress = Progress(job.pk)
    seen: list[tuple[int, int, str]] = []

    def look() -> None:
        row = Job.objects.get(pk=job.pk)
        seen.append((row.done, row.total, row.message))
        connections.close_all()

    with transaction():
        progress.start(10, "读取")
        progress.advance(4)
        progress.save()
        watcher = threading.Thread(target=look)
        watcher.start()
        watcher.join()
        Job.objects.filter(pk=job.pk).update(title="locked")
        progress.save()  # finds the row locked by its own work, and does not wait for it
    assert seen == [(4, 10, "读取")]


@pytest.mark.django_db
def test_a_file_is_whole_named_and_hashed(tmp_path: Path) -> None:
    job = Job.objects.create(kind="x", title="x", owner_region=NANNING, created_at=NOW)
    with job_file_write(job=job, role="结果", name="结算/明细.csv", now=NOW) as stream:
        stream.write("金额\n".encode())
        assert JobFile.objects.count() == 0
    file = JobFile.objects.get()
    assert file.name == "结算/明细.csv"
    assert file.path == f"{job.pk}/结果-结算_明细.csv"
    content = (tmp_path / file.path).read_bytes()
    assert (file.sha256, file.size) == (hashlib.sha256(content).hexdigest(), 7)
    assert job_file_path(file).read_bytes() == content
    with job_file_write(job=job, role="结果", name="结算/明细.csv", now=NOW) as stream:
        stream.write(b"again")
    assert JobFile.objects.get().size == 5
    (tmp_path / file.path).write_bytes(b"other")
    with pytest.raises(JobFileChangedError):
        job_file_path(file)


@pytest.mark.django_db
def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    job = Job.objects.create(kind="x", title="x", owner_region=NANNING, created_at=NOW)

    def write() -> None:
        with job_file_write(job=job, role="r", name="../../etc/x.csv", now=NOW) as stream:
            stream.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert JobFile.objects.count() == 0


@pytest.fixture
def file(work: Work) -> JobFile:
    job = Job.objects.create(
        kind="test.work", title="x", owner_region=NANNING, created_at=NOW, state=State.DONE
    )
    with job_file_write(job=job, role="result", name="日报.csv", now=NOW) as stream:
        stream.write(b"a,b\n")
    return JobFile.objects.get()


@pytest.mark.django_db
def test_staff_of_the_region_take_a_file_and_that_is_logged(file: JobFile, client: Client) -> None:
    user = staff_make(Role.CAMPAIGN_MAKER, region=NANNING)
    client.force_login(user)
    response = client.get(f"/files/{file.pk}/")
    assert response.status_code == 200
    assert b"".join(response.streaming_content) == b"a,b\n"  # type: ignore[attr-defined]
    assert response["Content-Disposition"].startswith("attachment")
    event = AuditEvent.objects.get(action="job.download")
    assert (event.actor, event.data["sha256"]) == (user, file.sha256)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "region"), [(Role.CAMPAIGN_MAKER, LIUZHOU), (Role.SECURITY_ADMIN, NANNING)]
)
def test_other_regions_and_roles_find_nothing(
    file: JobFile, client: Client, role: Role, region: str
) -> None:
    client.force_login(staff_make(role, region=region))
    assert client.get(f"/files/{file.pk}/").status_code == 404
    assert client.get("/files/999999/").status_code == 404
    assert AuditEvent.objects.filter(action="job.download").count() == 0


@pytest.mark.django_db
def test_nobody_takes_a_file_without_login(file: JobFile, client: Client) -> None:
    response = client.get(f"/files/{file.pk}/")
    assert response.status_code == 302
    assert AuditEvent.objects.filter(action="job.download").count() == 0
