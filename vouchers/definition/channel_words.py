"""What waves keep for channels, and until when, in words. Pure functions.

``names`` is code → name of the clients (`channel_names`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from django.utils.translation import gettext as _

from core.clock import TIME_ZONE
from core.passages import joined, moment_words
from vouchers.definition.model import BatchSpec, ChannelSpec, ReleaseSpec
from vouchers.definition.plan_words import days_words


def channel_plan_words(batch: BatchSpec, names: Mapping[str, str]) -> Iterator[str]:
    """Yield one sentence per way in which waves are divided: on which days, for whom, until when.

    Nothing where no wave keeps units for a channel.
    """
    ways: dict[tuple[tuple[ChannelSpec, ...], timedelta | None], list[ReleaseSpec]]
    ways = defaultdict(list)
    for release in sorted(batch.releases, key=lambda one: one.slot):
        if release.channels:
            falls_at = release.fall_back_at
            after = None if falls_at is None else falls_at - release.slot
            ways[release.channels, after].append(release)
    for (channels, after), releases in ways.items():
        named = {"days": _days(releases), "channels": _shares(channels, names)}
        if after is None:
            yield _("渠道额度：%(days)s每轮为%(channels)s专用，其余不限渠道") % named
        else:
            named["hours"] = f"{after / timedelta(hours=1):g}"
            yield (
                _(
                    "渠道额度：%(days)s每轮为%(channels)s专用，投放%(hours)s小时后未领的不再限定渠道；"
                    "其余不限渠道"
                )
                % named
            )


def slices_words(release: ReleaseSpec, names: Mapping[str, str]) -> Iterator[str]:
    """Yield what a wave keeps for whom, what is left for everybody, and when the unused is too."""
    if release.channels:
        rest = release.units - sum(share.units for share in release.channels)
        yield _("其中%(channels)s，不限渠道%(rest)s张") % {
            "channels": _shares(release.channels, names),
            "rest": rest,
        }
    if release.fall_back_at is not None:
        yield _("%(at)s 渠道未领部分转为不限渠道") % {"at": moment_words(release.fall_back_at)}


def _shares(channels: tuple[ChannelSpec, ...], names: Mapping[str, str]) -> str:
    return joined(
        _("%(channel)s%(units)s张")
        % {"channel": names.get(share.client, share.client), "units": share.units}
        for share in channels
    )


def _days(releases: list[ReleaseSpec]) -> str:
    days = dict.fromkeys(release.slot.astimezone(TIME_ZONE).date() for release in releases)
    found: list[date] = list(days)
    return days_words(found)
