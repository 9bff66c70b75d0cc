"""The parts of waves that are kept for channels, and when the unused goes to everybody."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from campaigns.definition.registry import Problem
from core.access.region_codes import regions_overlap
from core.models import Client
from core.passages import moment_words
from vouchers.definition.model import BatchSpec, CalendarSpec, ChannelSpec, ReleaseSpec
from vouchers.definition.normal import calendar_slots

CLAIMING = (Client.Kind.CHANNEL, Client.Kind.DESK)
"""The kinds of clients that claim for people."""


def channel_names(batches: Sequence[BatchSpec]) -> dict[str, str]:
    """Return code → name of every client that the batches keep units for; one query, or none."""
    return {code: client.name for code, client in _clients(batches).items()}


def channel_ids(batches: Sequence[BatchSpec]) -> dict[str, UUID]:
    """Return code → id of every client that the batches keep units for; one query, or none."""
    return {code: client.pk for code, client in _clients(batches).items()}


def channels_problems(spec: CampaignSpec, batches: Sequence[BatchSpec]) -> Iterator[Problem]:
    """Find what is wrong with the channels of waves and calendars.

    A client that is switched off later still stands in waves that took place, so it may be named.
    """
    clients = _clients(batches)
    allowed = {
        code
        for code, client in clients.items()
        if client.kind in CLAIMING
        and any(regions_overlap(region, client.owner_region) for region in spec.regions)
    }
    for index, batch in enumerate(batches):
        path = f"batches[{index}]"
        if batch.calendar is not None:
            yield from _shares(batch.calendar, allowed, f"{path}.calendar")
            yield from _calendar(spec, batch.calendar, f"{path}.calendar")
        for position, release in enumerate(batch.releases):
            where = f"{path}.releases[{position}]"
            yield from _shares(release, allowed, where)
            yield from _fall_back(spec, release, f"{where}.fall_back_at")


def _clients(batches: Sequence[BatchSpec]) -> Mapping[str, Client]:
    codes = {share.client for batch in batches for share in _channels_of(batch)}
    if not codes:
        return {}
    return {client.code: client for client in Client.objects.filter(code__in=codes).order_by("pk")}


def _channels_of(batch: BatchSpec) -> Iterator[ChannelSpec]:
    for release in batch.releases:
        yield from release.channels
    if batch.calendar is not None:
        yield from batch.calendar.channels


def _shares(plan: ReleaseSpec | CalendarSpec, allowed: set[str], path: str) -> Iterator[Problem]:
    for place, share in enumerate(plan.channels):
        if share.client not in allowed:
            yield Problem(
                f"{path}.channels[{place}].client",
                _("活动地区内没有这个发放渠道或人工服务台：%(code)s") % {"code": share.client},
            )
    for code, count in Counter(share.client for share in plan.channels).items():
        if count > 1:
            yield Problem(f"{path}.channels", _("渠道重复：%(code)s") % {"code": code})
    kept = sum(share.units for share in plan.channels)
    if kept > plan.units:
        yield Problem(
            f"{path}.channels",
            _("渠道额度合计 %(kept)s 张，超过投放张数 %(limit)s")
            % {"kept": kept, "limit": plan.units},
        )


def _fall_back(spec: CampaignSpec, release: ReleaseSpec, path: str) -> Iterator[Problem]:
    if release.fall_back_at is None:
        return
    if not release.channels:
        yield Problem(path, _("没有渠道额度（channels），不填写回流时间"))
    ends_at = spec.ends_at if release.closes_at is None else release.closes_at
    if not release.slot < release.fall_back_at < ends_at:
        yield Problem(path, _outside(release, ends_at))


def _calendar(spec: CampaignSpec, calendar: CalendarSpec, path: str) -> Iterator[Problem]:
    if not calendar.fall_back_hours:
        return
    path = f"{path}.fall_back_hours"
    if not calendar.channels:
        yield Problem(path, _("没有渠道额度（channels），不填写回流时间"))
    if calendar.open_hours and calendar.fall_back_hours >= calendar.open_hours:
        yield Problem(
            path,
            _("应少于每轮开放的小时数 %(limit)s") % {"limit": calendar.open_hours},
        )
        return
    for slot in calendar_slots(spec, calendar)[-1:]:
        falls_at = slot + timedelta(hours=calendar.fall_back_hours)
        if falls_at >= spec.ends_at:
            wave = ReleaseSpec(slot=slot, units=calendar.units, fall_back_at=falls_at)
            yield Problem(path, _outside(wave, spec.ends_at))


def _outside(release: ReleaseSpec, ends_at: datetime) -> str:
    return _("回流时间 %(at)s 应晚于投放时点 %(slot)s，且早于领取截止 %(limit)s") % {
        "at": moment_words(release.fall_back_at or release.slot),
        "slot": moment_words(release.slot),
        "limit": moment_words(ends_at),
    }
