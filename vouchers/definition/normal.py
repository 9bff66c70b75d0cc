"""The canonical form of the section: calendars expanded, budgets filled in; and other sizes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from functools import partial

import msgspec

from campaigns.definition.model import CampaignSpec
from campaigns.definition.registry import UnitBudget
from core.clock import TIME_ZONE
from core.money import funder_sums
from vouchers.definition.model import BatchSpec, CalendarSpec, ChannelSpec, ReleaseSpec
from vouchers.definition.packs import pack_parts
from vouchers.definition.recurrence import recurrence_problems, recurring_days
from vouchers.definition.triggers import triggers_normalise
from vouchers.rules.benefit_model import Benefit, PackBenefit, ThresholdBenefit
from vouchers.rules.benefits import expected_fen
from vouchers.rules.model import CapRule
from vouchers.rules.shares import running_shares


def batches_normalise(spec: CampaignSpec, batches: list[BatchSpec]) -> list[BatchSpec]:
    """Return the batches with single releases in order of time, and a budget for every funder."""
    names = {batch.code: batch.name for batch in batches}
    return [_normalise(spec, batch, names) for batch in batches]


def batches_budgets(spec: CampaignSpec, batches: list[BatchSpec]) -> list[UnitBudget]:
    """Return what each batch needs and is given, per funder code in fen."""
    return [
        UnitBudget(
            code=batch.code,
            path=f"batches[{index}]",
            needed=units_needed(spec, batch, batch.units),
            budget=batch.budget or units_needed(spec, batch, batch.units),
        )
        for index, batch in enumerate(batches)
    ]


def funder_order(spec: CampaignSpec, batch: BatchSpec) -> list[str]:
    """Return the codes of a batch's funders in the campaign's order, which its parts follow."""
    return [funder.code for funder in spec.funders if funder.code in batch.funders]


def units_needed(spec: CampaignSpec, batch: BatchSpec, units: int) -> dict[str, int]:
    """Return the funder sums of the first ``units`` vouchers by funder code.

    Of random discounts the expected value: what is left of their faces comes back.
    """
    codes = funder_order(spec, batch)
    if not codes:
        return {}
    cost = expected_fen(batch.rules.benefit, face_fen=batch.face_fen)
    sums = funder_sums(cost, [batch.funders[code] for code in codes], units)
    return dict(zip(codes, sums, strict=True))


def calendar_slots(spec: CampaignSpec, calendar: CalendarSpec) -> list[datetime]:
    """Return the moments of a calendar inside the campaign's period, in order."""
    times = sorted(time.fromisoformat(text) for text in set(calendar.times))
    days = list(_days(spec))
    named = set(calendar.dates)
    if calendar.rrule and days and not any(recurrence_problems(calendar.rrule)):
        named |= recurring_days(calendar.rrule, days[0], days[-1])
    slots = [
        datetime.combine(day, at, TIME_ZONE)
        for day in days
        if day.isoweekday() in calendar.weekdays or day in named
        for at in times
    ]
    return [slot for slot in slots if spec.starts_at <= slot < spec.ends_at]


def batches_scale(
    spec: CampaignSpec, batches: list[BatchSpec], factor: Fraction
) -> list[BatchSpec]:
    """Return the batches with units, releases and budgets scaled by running totals.

    What a pack is made of is scaled with it, so that packs stay whole.
    """
    of_packs = {
        part.batch: int(batch.units * factor) * part.quantity
        for batch in batches
        for part in pack_parts(batch)
    }
    return [
        _scale(spec, batch, factor, of_packs.get(batch.code, int(batch.units * factor)))
        for batch in batches
    ]


def _normalise(spec: CampaignSpec, batch: BatchSpec, names: Mapping[str, str]) -> BatchSpec:
    releases = batch.releases
    if batch.calendar is not None:
        releases = tuple(_expand(spec, batch.calendar))
    needed = units_needed(spec, batch, batch.units)
    return msgspec.structs.replace(
        batch,
        funders={code: batch.funders[code] for code in funder_order(spec, batch)},
        budget=dict(sorted(batch.budget.items())) if batch.budget else needed,
        releases=tuple(sorted(releases, key=lambda release: release.slot)),
        calendar=None,
        rules=msgspec.structs.replace(
            batch.rules,
            benefit=_benefit(batch.rules.benefit, batch.face_fen, names),
            trigger=triggers_normalise(batch.rules.trigger, names),
        ),
    )


def _benefit(benefit: Benefit, face_fen: int, names: Mapping[str, str]) -> Benefit:
    """Return the benefit with its threshold as an amount and its parts with their names."""
    if isinstance(benefit, PackBenefit):
        parts = (
            msgspec.structs.replace(part, name=names.get(part.batch, part.name))
            for part in benefit.parts
        )
        return msgspec.structs.replace(benefit, parts=tuple(parts))
    if isinstance(benefit, ThresholdBenefit) and benefit.face_multiple is not None:
        return msgspec.structs.replace(benefit, threshold_fen=benefit.face_multiple * face_fen)
    return benefit


def _expand(spec: CampaignSpec, calendar: CalendarSpec) -> Iterator[ReleaseSpec]:
    slots = calendar_slots(spec, calendar)
    if not slots:
        return
    for index, slot in enumerate(slots):
        units = _wave_share(calendar.units, index, len(slots))
        if not units:
            return
        closes_at = slot + timedelta(hours=calendar.open_hours) if calendar.open_hours else None
        share = partial(_wave_share, index=index, waves=len(slots))
        channels = _channels(calendar.channels, share)
        falls = calendar.fall_back_hours if channels else 0
        yield ReleaseSpec(
            slot=slot,
            units=units,
            closes_at=min(closes_at, spec.ends_at) if closes_at else None,
            channels=channels,
            fall_back_at=slot + timedelta(hours=falls) if falls else None,
        )


def _wave_share(total: int, index: int, waves: int) -> int:
    """Return how many of ``total`` units a wave opens; the first ones share what is left over."""
    share, rest = divmod(total, waves)
    return share + (index < rest)


def _scaled_cap(cap: CapRule, factor: Fraction, face_fen: int) -> CapRule:
    """Return a cap at another size, never below one unit."""
    return msgspec.structs.replace(
        cap,
        units=None if cap.units is None else max(int(cap.units * factor), 1),
        amount_fen=(
            None if cap.amount_fen is None else max(int(cap.amount_fen * factor), face_fen)
        ),
    )


def _scaled_share(total: int, before: int, factor: Fraction) -> int:
    """Return what ``total`` units after ``before`` others are at another size."""
    return int((before + total) * factor) - int(before * factor)


def _channels(
    channels: Sequence[ChannelSpec], share: Callable[[int], int]
) -> tuple[ChannelSpec, ...]:
    """Return the channels with their running share of the units, those that get none left out."""
    shares = running_shares((one.units for one in channels), share)
    return tuple(
        msgspec.structs.replace(one, units=units)
        for one, units in zip(channels, shares, strict=True)
        if units
    )


def _days(spec: CampaignSpec) -> Iterator[date]:
    day = spec.starts_at.astimezone(TIME_ZONE).date()
    last = spec.ends_at.astimezone(TIME_ZONE).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _scale(spec: CampaignSpec, batch: BatchSpec, factor: Fraction, size: int) -> BatchSpec:
    planned = 0
    releases = []
    for release in batch.releases:
        share = partial(_scaled_share, before=planned, factor=factor)
        planned += release.units
        if share(release.units):
            channels = _channels(release.channels, share)
            releases.append(
                msgspec.structs.replace(
                    release,
                    units=share(release.units),
                    channels=channels,
                    fall_back_at=release.fall_back_at if channels else None,
                )
            )
    before = units_needed(spec, batch, batch.units)
    after = units_needed(spec, batch, size)
    budget: Mapping[str, int] = batch.budget or before
    return msgspec.structs.replace(
        batch,
        units=size,
        releases=tuple(releases),
        rules=msgspec.structs.replace(
            batch.rules,
            caps=tuple(_scaled_cap(cap, factor, batch.face_fen) for cap in batch.rules.caps),
        ),
        budget={
            code: after[code] + int((fen - before[code]) * factor) for code, fen in budget.items()
        },
    )
