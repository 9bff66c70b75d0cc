"""The plan of releases (发放计划) in words. Pure functions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from core.clock import TIME_ZONE
from core.passages import joined, moment_words
from vouchers.definition.model import BatchSpec, ReleaseSpec
from vouchers.rules.benefit_model import PackBenefit
from vouchers.rules.model import rolls_over
from vouchers.rules.spelling import weekday_words
from vouchers.rules.use_hours import WEEK_DAYS

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def plan_words(batch: BatchSpec) -> list[str]:
    """Return how many vouchers there are and one sentence per habit of opening.

    Days that open at the same times for equally long are one habit: every Friday at 08:00.
    """
    habits: dict[tuple[tuple[str, timedelta | None], ...], list[date]] = defaultdict(list)
    by_day: dict[date, list[ReleaseSpec]] = defaultdict(list)
    for release in sorted(batch.releases, key=lambda one: one.slot):
        by_day[release.slot.astimezone(TIME_ZONE).date()].append(release)
    for day, releases in by_day.items():
        habits[tuple((_time(one.slot), _open_for(one)) for one in releases)].append(day)
    return [
        _("计划发放%(units)s张") % {"units": batch.units},
        *(
            _habit_words(habit, days, [one for day in days for one in by_day[day]])
            for habit, days in habits.items()
        ),
        *_leftover_words(batch),
    ]


def wave_words(release: ReleaseSpec) -> str:
    """Return one wave: when it opens, how many, until when."""
    named = {"slot": moment_words(release.slot), "units": release.units}
    if release.closes_at is None:
        return _("%(slot)s：投放%(units)s张，领完为止") % named
    named["until"] = moment_words(release.closes_at)
    return _("%(slot)s：投放%(units)s张，领取截止 %(until)s") % named


def next_wave_words(batch: BatchSpec, now: datetime) -> str:
    """Return when the next wave of the plan opens after ``now``, or that none is left."""
    coming = [release for release in batch.releases if release.slot > now]
    if not coming:
        return _("计划的投放均已开始，没有下一轮")
    first = min(coming, key=lambda one: one.slot)
    return _("下一轮投放：%(slot)s，%(units)s张") % {
        "slot": moment_words(first.slot),
        "units": first.units,
    }


def days_words(days: Sequence[date]) -> str:
    """Return days in order, as people say them: whole weekdays between two days, then the rest.

    A weekday counts as whole if it falls at least twice between the first and the last day and
    is always among them.
    """
    given = set(days)
    span = list(_between(days[0], days[-1]))
    if len(span) == len(given):
        return _run_words(days[0], days[-1])
    whole = {
        weekday
        for weekday in range(1, WEEK_DAYS + 1)
        if len(same := [day for day in span if day.isoweekday() == weekday]) > 1
        and given.issuperset(same)
    }
    regular = [day for day in days if day.isoweekday() in whole]
    rest = [day for day in days if day.isoweekday() not in whole]
    parts = []
    if regular:
        names = joined(weekday_words(weekday) for weekday in sorted(whole))
        named = {"first": regular[0], "last": regular[-1], "weekdays": names}
        parts.append(_("%(first)s至%(last)s每%(weekdays)s") % named)
    parts += [_run_words(first, last) for first, last in _runs(rest)]
    return joined(parts)


def _habit_words(
    habit: tuple[tuple[str, timedelta | None], ...],
    days: Sequence[date],
    releases: Sequence[ReleaseSpec],
) -> str:
    lengths = list(dict.fromkeys(length for _at, length in habit))
    named = {
        "days": days_words(days),
        "times": joined(at for at, _open in habit),
        "waves": len(releases),
        "units": sum(release.units for release in releases),
        "open": _open_words(lengths[0]),
    }
    if len(lengths) > 1:
        named["times"] = joined(
            _("%(time)s（%(open)s）") % {"time": at, "open": _open_words(length)}
            for at, length in habit
        )
        return _("投放计划：%(days)s %(times)s，共%(waves)s轮%(units)s张") % named
    return _("投放计划：%(days)s %(times)s，共%(waves)s轮%(units)s张，%(open)s") % named


def _open_words(length: timedelta | None) -> str:
    if length is None:
        return _("领完为止")
    if length % HOUR:
        return _("每轮开放%(minutes)s分钟") % {"minutes": f"{length / timedelta(minutes=1):g}"}
    return _("每轮开放%(hours)s小时") % {"hours": length // HOUR}


def _leftover_words(batch: BatchSpec) -> Iterator[str]:
    """Yield what the next wave opens with; a wave without an end keeps its units."""
    if not rolls_over(batch.rules):
        return
    if isinstance(batch.rules.benefit, PackBenefit):
        yield _("未领完的份数并入下一轮投放")
    elif any(release.closes_at for release in batch.releases):
        yield _("未领完、过期和退回的张数并入下一轮投放")
    else:
        yield _("过期和退回的张数并入下一轮投放")


def _open_for(release: ReleaseSpec) -> timedelta | None:
    return None if release.closes_at is None else release.closes_at - release.slot


def _time(moment: datetime) -> str:
    return moment.astimezone(TIME_ZONE).strftime("%H:%M")


def _run_words(first: date, last: date) -> str:
    if first == last:
        return first.isoformat()
    return _("%(first)s至%(last)s每日") % {"first": first, "last": last}


def _between(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def _runs(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of every run of days that follow each other."""
    start = before = None
    for day in days:
        if start is None or before is None:
            start = day
        elif day - before != DAY:
            yield start, before
            start = day
        before = day
    if start is not None and before is not None:
        yield start, before
