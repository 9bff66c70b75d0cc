"""The plan of a batch's waves on the draft page: lines of text, single waves or a calendar."""

from typing import Any

from django.core.exceptions import ValidationError

from campaigns.admin.editor_forms import OUT_OF_RANGE, moment_field, moment_text
from core.canonical import to_plain

FALL_BACK = "回流"
"""Stands before the moment at which the unused units of channels go to everybody."""
_WEEKDAYS, _DATES, _RRULE, _OPEN_HOURS = "星期", "日期", "规则", "时长"


def calendar_of(text: str) -> dict[str, Any] | None:
    """Read a calendar, ``10:00,20:00 600 星期 5,6 时长 4``; ValueError where it is not one.

    Times and units, then, each if wanted: weekdays, dates, a recurrence rule, hours until a wave
    closes, ``client:units`` of channels, hours until what they have not used goes to everybody.
    """
    if not text:
        return None
    times, units, *more = text.split()
    calendar: dict[str, Any] = {"times": times.split(","), "units": int(units), "channels": []}
    words = iter(more)
    for word in words:
        if word not in _READ:
            calendar["channels"].append(_share_of(word))
            continue
        name, read = _READ[word]
        if name in calendar:
            raise ValueError(text)
        calendar[name] = read(next(words, ""))
    return calendar


_READ: dict[str, tuple[str, Any]] = {
    _WEEKDAYS: ("weekdays", lambda word: [int(day) for day in word.split(",")]),
    _DATES: ("dates", lambda word: word.split(",")),
    _RRULE: ("rrule", str),
    _OPEN_HOURS: ("open_hours", int),
    FALL_BACK: ("fall_back_hours", int),
}
"""What is said after a word of a calendar, and how it is read."""


def release_of(line: str) -> dict[str, Any]:
    """Read a wave; ValueError where it is not one, ValidationError in a year that none is in.

    Date, time, units; then, each if wanted: date and time of its end, ``client:units`` of channels,
    and 回流 with the date and time at which what they have not used goes to everybody.
    """
    parts = line.split()
    place = parts.index(FALL_BACK) if FALL_BACK in parts else len(parts)
    (day, at, units, *more), falls = parts[:place], parts[place + 1 :]
    ends, shares = (more[:2], more[2:]) if more and ":" not in more[0] else ([], more)
    return {
        "slot": _moment([day, at]),
        "units": int(units),
        "closes_at": _moment(ends) if ends else None,
        "channels": [_share_of(share) for share in shares],
        "fall_back_at": _moment(falls) if FALL_BACK in parts else None,
    }


def _share_of(text: str) -> dict[str, Any]:
    client, units = text.split(":")
    return {"client": client, "units": int(units)}


def _moment(parts: list[str]) -> Any:
    day, at = parts
    try:
        return to_plain(moment_field("").clean(f"{day} {at}"))
    except ValidationError as error:
        if error.error_list[0].code == OUT_OF_RANGE:
            # The line is written as it should be; what is wrong says the error itself.
            raise
        raise ValueError(parts) from error


def release_words(release: dict[str, Any]) -> str:
    """Write a wave as `release_of` reads it."""
    words = [moment_text(release["slot"]), str(release["units"])]
    if release["closes_at"]:
        words.append(moment_text(release["closes_at"]))
    words += [f"{share['client']}:{share['units']}" for share in release.get("channels", ())]
    if release.get("fall_back_at"):
        words += [FALL_BACK, moment_text(release["fall_back_at"])]
    return " ".join(words)
