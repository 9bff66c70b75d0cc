"""What the second person reads of the control list: who is put on it, who is taken off it, and why.

A lifting has words of its own: what is agreed to is the opposite of what put the key on the list.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from core.access.regions import region_names
from core.passages import moment_words
from vouchers.models import ControlEntry


def region_word(entry: ControlEntry) -> str:
    """Return the name of the region whose campaigns an entry is about."""
    code = entry.owner_region
    return region_names([code]).get(code, code)


def control_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say which key, where, from when until when, and why it is to be on the list."""
    entry = _entry(subject_id)
    return [
        *_about(entry),
        _("管控期：%(from)s至%(until)s，期间不能领取") % _period(entry),
        _("列入理由：%(reason)s") % {"reason": entry.reason},
        *_grounds(entry),
    ]


def lift_words(subject_id: str, payload: Mapping[str, Any]) -> list[str]:
    """Say which key may claim again and why, why it is on the list, and for how long it was.

    ``payload`` is of `lift_payload`; requests made before it existed have none.
    """
    entry = _entry(subject_id)
    lines = [
        *_about(entry),
        _("自同意之时起恢复领取（另有管控的除外）；原管控期%(from)s至%(until)s") % _period(entry),
    ]
    if "reason" in payload:
        lines.append(_("解除理由：%(reason)s") % {"reason": payload["reason"]})
    lines.append(_("原列入理由：%(reason)s") % {"reason": entry.reason})
    if "days" in payload:
        lines.append(_("截至申请解除时已管控 %(days)s 天") % {"days": payload["days"]})
    return [*lines, *_grounds(entry)]


def lift_payload(entry: ControlEntry, *, reason: str, now: datetime) -> dict[str, Any]:
    """Return what the words of a lifting need: the reason, and whole days of 24 hours in force.

    They count from the agreement or the start, whichever came later, until ``now`` or the end.
    """
    since = entry.valid_from
    if entry.approval is not None and entry.approval.decided_at is not None:
        since = max(since, entry.approval.decided_at)
    return {"reason": reason, "days": max(0, (min(now, entry.valid_until) - since).days)}


def _entry(subject_id: str) -> ControlEntry:
    return ControlEntry.objects.select_related("key", "case").get(pk=subject_id)


def _about(entry: ControlEntry) -> list[str]:
    return [
        _("对象：%(key)s") % {"key": entry.key},
        _("管控地区：%(region)s及其下辖地区主办的活动") % {"region": region_word(entry)},
    ]


def _period(entry: ControlEntry) -> dict[str, str]:
    return {"from": moment_words(entry.valid_from), "until": moment_words(entry.valid_until)}


def _grounds(entry: ControlEntry) -> list[str]:
    return [] if entry.case is None else [_("依据核查单：%(case)s") % {"case": entry.case}]
