"""Scheduled work: every tick once, in order, caught up, taken over when a worker died."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connections
from django_celery_beat.models import PeriodicTask

from core.clock import TIME_ZONE, wall
from core.embedded.record import ServiceUrls
from core.jobs import schedules
from core.jobs.beat import schedules_sync
from core.jobs.errors import TickTakenOverError
from core.jobs.models import ScheduledTick
from core.jobs.schedules import (
    Poller,
    TickJob,
    poller_register,
    tick_job_register,
    tick_job_run,
)
from core.jobs.selectors import tick_last_done, ticks_health
from core.jobs.ticks import TAKE_OVER_AFTER, tick_run, ticks_due

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
State = ScheduledTick.State


def at(text: str) -> datetime:
    """Read a moment of 2024 in Asia/Shanghai."""
    return datetime.fromisoformat(f"2024-{text}").replace(tzinfo=TIME_ZONE)


TEN = at("03-30T10:00")


def nothing(_tick_at: datetime) -> None:
    """Work that does nothing."""


@pytest.mark.django_db
def test_a_tick_runs_once_and_keeps_what_its_work_returned() -> None:
    first = tick_run(job="job", tick_at=TEN, work=lambda tick: {"at": tick, "n": 3})
    assert first is not None
    assert (first.state, first.attempts) == (State.DONE, 1)
    assert first.detail == {"at": "2024-03-30T10:00:00+08:00", "n": 3}
    assert tick_run(job="job", tick_at=TEN, work=nothing) is None
    assert ScheduledTick.objects.count() == 1
    assert tick_last_done(job="job") == (TEN, first.detail)


@pytest.mark.django_db
def test_a_failed_tick_is_free_again_after_a_pause() -> None:
    def fail(_tick: datetime) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        tick_run(job="job", tick_at=TEN, work=fail)
    tick = ScheduledTick.objects.get()
    assert (tick.state, tick.detail) == (State.FAILED, {"error": "ValueError: no"})
    assert tick_run(job="job", tick_at=TEN, work=nothing) is None
    ScheduledTick.objects.update(finished_at=wall() - timedelta(seconds=31))
    again = tick_run(job="job", tick_at=TEN, work=nothing)
    assert again is not None
    assert (again.state, again.attempts, again.detail) == (State.DONE, 2, {})


@pytest.mark.django_db
def test_a_dead_workers_tick_is_taken_over_and_a_slow_one_is_told() -> None:
    def work(_tick: datetime) -> None:
        # Meanwhile the time-out passes and somebody else runs it.
        ScheduledTick.objects.update(claimed_at=wall() - TAKE_OVER_AFTER)
        other = tick_run(job="job", tick_at=TEN, work=lambda _tick: {"by": "other"})
        assert other is not None
        assert other.attempts == 2

    with pytest.raises(TickTakenOverError):
        tick_run(job="job", tick_at=TEN, work=work)
    tick = ScheduledTick.objects.get()
    assert (tick.state, tick.detail) == (State.DONE, {"by": "other"})


def test_two_beats_run_a_tick_once(own_database: ServiceUrls) -> None:
    ran: list[int] = []
    meet = threading.Barrier(8)

    def work() -> None:
        meet.wait(10)
        tick_run(job="job", tick_at=TEN, work=lambda _tick: ran.append(1))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ran == [1]
    assert ScheduledTick.objects.get().state == State.DONE


@pytest.mark.django_db
def test_a_new_job_begins_with_the_latest_tick_or_after_since() -> None:
    now = at("03-30T10:40")
    assert ticks_due(job="job", every=HOUR, now=now) == [TEN]
    assert ticks_due(job="job", every=HOUR, now=now, since=at("03-30T07:30")) == [
        at("03-30T08:00"),
        at("03-30T09:00"),
        TEN,
    ]
    assert ticks_due(job="job", every=HOUR, now=now, since=at("03-30T09:00")) == [TEN]


@pytest.mark.django_db
def test_missed_ticks_are_caught_up_in_order() -> None:
    tick_run(job="job", tick_at=at("03-30T06:00"), work=nothing)
    due = ticks_due(job="job", every=HOUR, now=at("03-30T09:59"))
    assert due == [at("03-30T07:00"), at("03-30T08:00"), at("03-30T09:00")]
    ScheduledTick.objects.create(
        job="job", tick_at=at("03-30T08:00"), claimed_at=wall(), state=State.FAILED
    )
    tick_run(job="job", tick_at=at("03-30T09:00"), work=nothing)
    assert ticks_due(job="job", every=HOUR, now=at("03-30T10:01")) == [at("03-30T08:00"), TEN]


@pytest.mark.django_db
def test_a_sweep_runs_only_the_latest() -> None:
    tick_run(job="job", tick_at=at("03-30T06:00"), work=nothing)
    now = at("03-30T09:59")
    assert ticks_due(job="job", every=HOUR, now=now, latest_only=True) == [at("03-30T09:00")]
    tick_run(job="job", tick_at=at("03-30T09:00"), work=nothing)
    assert ticks_due(job="job", every=HOUR, now=now, latest_only=True) == []


@pytest.mark.django_db
def test_daily_ticks_have_their_hour() -> None:
    due = ticks_due(job="job", every=DAY, offset=3 * HOUR, now=at("03-30T02:59"))
    assert due == [at("03-29T03:00")]
    due = ticks_due(job="job", every=DAY, offset=3 * HOUR, now=at("03-30T03:00"))
    assert due == [at("03-30T03:00")]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(schedules, "_tick_jobs", {})
    monkeypatch.setattr(schedules, "_pollers", {})

    def make(work: Callable[[datetime], None], **options: object) -> None:
        tick_job_register(
            TickJob("job", work, queue="release", every=HOUR, **options)  # type: ignore[arg-type]
        )

    return make


@pytest.mark.django_db
def test_a_job_runs_its_ticks_in_order_and_stops_at_a_failure(
    registered: Callable[..., None],
) -> None:
    ran: list[datetime] = []
    broken = [at("03-30T08:00")]

    def work(tick: datetime) -> None:
        if tick in broken:
            raise ValueError("broken")
        ran.append(tick)

    registered(work)
    since, now = at("03-30T06:00"), at("03-30T09:00")
    with pytest.raises(ValueError, match="broken"):
        tick_job_run(name="job", now=now, since=since)
    assert ran == [at("03-30T07:00")]
    assert tick_job_run(name="job", now=now) == []
    health = ticks_health(now=now)[0]
    assert (health.job, health.due, health.failed, health.late) == ("job", 2, 1, True)
    assert health.last_done == at("03-30T07:00")
    broken.clear()
    ScheduledTick.objects.filter(state=State.FAILED).update(finished_at=wall() - HOUR)
    assert tick_job_run(name="job", now=now) == [at("03-30T08:00"), at("03-30T09:00")]
    health = ticks_health(now=now)[0]
    assert (health.due, health.failed, health.late) == (0, 0, False)


@pytest.mark.django_db
def test_a_sweep_that_nobody_runs_is_late_although_its_latest_tick_is_new(
    registered: Callable[..., None],
) -> None:
    registered(nothing, latest_only=True)
    assert [health.late for health in ticks_health(now=at("03-30T09:59"))] == [False]  # never ran
    tick_run(job="job", tick_at=at("03-30T06:00"), work=nothing)
    lates = [
        ticks_health(now=at(f"03-30T{time}"))[0].late
        for time in ("06:59", "07:04", "07:06", "09:02", "10:01")
    ]
    assert lates == [False, False, True, True, True]
    assert tick_job_run(name="job", now=at("03-30T10:01")) == [TEN]
    assert not ticks_health(now=at("03-30T10:06"))[0].late


@pytest.mark.django_db
def test_the_schedules_of_beat_are_what_is_registered(registered: Callable[..., None]) -> None:
    PeriodicTask.objects.filter(name__startswith="xfq:").delete()
    registered(nothing, poll_s=5)
    poller_register(Poller("poll", "core.jobs.tasks.jobs_sweep", queue="events", every_s=60))
    assert schedules_sync() == ["xfq:job", "xfq:poll"]
    PeriodicTask.objects.filter(name="xfq:poll").update(enabled=False)
    before = list(PeriodicTask.objects.order_by("name").values("pk", "name", "enabled"))
    assert schedules_sync() == ["xfq:job", "xfq:poll"]
    assert list(PeriodicTask.objects.order_by("name").values("pk", "name", "enabled")) == before
    job = PeriodicTask.objects.get(name="xfq:job")
    assert (job.task, job.args, job.queue) == (
        "core.jobs.tasks.tick_job_run",
        '["job"]',
        "release",
    )
    assert (job.interval.every, job.interval.period, job.expire_seconds) == (5, "seconds", 30)
    schedules._pollers.clear()
    assert schedules_sync() == ["xfq:job"]
    assert list(
        PeriodicTask.objects.filter(name__startswith="xfq:").values_list("name", flat=True)
    ) == ["xfq:job"]
