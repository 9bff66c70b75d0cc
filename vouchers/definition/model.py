"""The shape of the section ``batches`` (docs/schema/campaign.schema.json is made from it)."""

from datetime import date
from typing import Annotated

import msgspec

from campaigns.definition.model import Code, Fen, Line, Moment, PositiveFen
from vouchers.rules.model import BatchRules, Weekday

Units = Annotated[int, msgspec.Meta(gt=0, le=10**9)]
Weight = Annotated[int, msgspec.Meta(gt=0, le=10**9)]
ClockTime = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
ClientCode = Annotated[str, msgspec.Meta(pattern=r"^[-a-zA-Z0-9_]{1,40}$")]


class ChannelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Units kept for one channel (渠道额度): ``client`` is the code of a channel or a desk."""

    client: ClientCode
    units: Units


Channels = Annotated[tuple[ChannelSpec, ...], msgspec.Meta(max_length=50)]


class ReleaseSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A wave (投放): ``units`` open at ``slot``; without ``closes_at`` until the campaign ends.

    ``channels`` keeps a part of the units for each of them, the rest is for everybody. What they
    have not used at ``fall_back_at`` goes to everybody too; without it, it stays theirs.
    """

    slot: Moment
    units: Units
    closes_at: Moment | None = None
    channels: Channels = ()
    fall_back_at: Moment | None = None


class CalendarSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan in words: which days and times share ``units`` evenly, the first ones the rest.

    ``weekdays`` are 1 (Monday) to 7; ``dates`` name single days; ``rrule`` tells days that come
    back (RFC 5545, whole days): ``FREQ=MONTHLY;BYMONTHDAY=18`` is the 18th of each month. They add
    up. ``channels`` are parts of ``units``, divided over the waves like them. It is expanded into
    single releases before approval, so that the checker sees every wave.
    """

    times: Annotated[tuple[ClockTime, ...], msgspec.Meta(min_length=1, max_length=24)]
    units: Units
    weekdays: tuple[Weekday, ...] = ()
    dates: tuple[date, ...] = ()
    rrule: Annotated[str, msgspec.Meta(max_length=200)] = ""
    open_hours: Annotated[int, msgspec.Meta(ge=0, le=24 * 366)] = 0
    """Hours until the wave closes; 0 leaves it open until the campaign ends."""
    channels: Channels = ()
    fall_back_hours: Annotated[int, msgspec.Meta(ge=0, le=24 * 366)] = 0
    """Hours until what the channels have not used goes to everybody; 0: it stays theirs."""


class BatchSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A batch (券批次): one face, funders by weight, rules, and the plan of its releases.

    ``budget`` is what each funder gives, in fen; left out, exactly what face × units needs.
    Either ``releases`` or ``calendar`` is given. A pack (券包) has no funders, its parts have; a
    part of a pack has no releases, its pack has.
    """

    code: Code
    name: Line
    face_fen: PositiveFen
    units: Units
    rules: BatchRules
    funders: dict[str, Weight] = {}
    budget: dict[str, Fen] = {}
    releases: tuple[ReleaseSpec, ...] = ()
    calendar: CalendarSpec | None = None


Batches = Annotated[list[BatchSpec], msgspec.Meta(min_length=1, max_length=200)]
