"""How large the sample is: units, people and openings of a campaign at 1 to ``scale``."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from core.errors import InvalidParametersError
from redemption.forecast.stages import Stage, Wave
from vouchers.definition.model import BatchSpec
from vouchers.definition.normal import batches_scale
from vouchers.definition.packs import pack_parts

SAMPLE_UNITS = 40_000
SAMPLE_ARRIVALS = 120_000
"""What the automatic scale aims at: seconds on one core, about ten megabytes."""
MOST_ARRIVALS = 1_500_000
"""More than this is refused: it would take minutes, and hundreds of megabytes."""
MOST_SCALE = 1_000_000


@dataclass(frozen=True, slots=True)
class Opening:
    """A moment at which one or more batches open a wave, with the units the people see."""

    at: datetime
    stages: tuple[Stage, ...]
    waves: tuple[Wave, ...]
    units: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything that is played: the batches at the sample's size, openings, people."""

    scale: int
    persons: int
    stages: tuple[Stage, ...]
    openings: tuple[Opening, ...]
    unplayed_waves: int


def cast_make(
    spec: CampaignSpec,
    batches: Sequence[BatchSpec],
    parameters: Mapping[str, int],
    scale: int = 0,
) -> Cast:
    """Return the cast of a campaign's canonical batches; ``scale`` 0 chooses one.

    Raises:
        InvalidParametersError: the scale is out of bounds, or would play too much or nothing.
    """
    at_slot: dict[datetime, int] = {}
    for batch in batches:
        for release in batch.releases if batch.rules.trigger is None else ():
            at_slot[release.slot] = at_slot.get(release.slot, 0) + release.units
    if not at_slot:
        raise InvalidParametersError.one("campaign", _("活动只有消费返券，没有可预测的领取"))
    persons = parameters["persons"] or -(
        -max(at_slot.values()) * parameters["demand"] // parameters["return_share"]
    )
    vouchers = {batch.code: sum(p.quantity for p in pack_parts(batch)) or 1 for batch in batches}
    total = sum(one.units * vouchers[batch.code] for batch in batches for one in batch.releases)
    arrivals = len(at_slot) * persons * parameters["return_share"] // 1_000
    wanted = max(-(-total // SAMPLE_UNITS), -(-arrivals // SAMPLE_ARRIVALS), 1)
    # Nothing to play would be no forecast: the largest wave keeps a unit.
    scale = scale or min(wanted, max(at_slot.values()))
    _assert_playable(scale, max(arrivals, total), max(at_slot.values()))
    sample = batches_scale(spec, list(batches), Fraction(1, scale))
    stages = tuple(map(_stage, sample, batches))
    _packs_fill(stages)
    return Cast(
        scale=scale,
        persons=max(1, persons // scale),
        stages=stages,
        openings=tuple(_openings(stages)),
        unplayed_waves=sum(len(stage.planned.releases) - len(stage.waves) for stage in stages),
    )


def _assert_playable(scale: int, played: int, largest: int) -> None:
    least = -(-played // MOST_ARRIVALS)
    most = min(MOST_SCALE, largest)
    if scale < least:
        reason = _("样本过大：不得小于 %(limit)s") % {"limit": least}
        raise InvalidParametersError.one("scale", reason, least)
    if scale > most:
        reason = _("样本为空：不得大于 %(limit)s") % {"limit": most}
        raise InvalidParametersError.one("scale", reason, most)


def _stage(batch: BatchSpec, planned: BatchSpec) -> Stage:
    waves = [Wave(one.slot, one.closes_at, one.units) for one in batch.releases]
    return Stage(batch=batch, planned=planned, waves=waves)


def _packs_fill(stages: Sequence[Stage]) -> None:
    """Tell packs what is inside, and what is inside which pack it is of."""
    named = {stage.batch.code: stage for stage in stages}
    for stage in stages:
        for part in pack_parts(stage.batch):
            one = named[part.batch]
            one.pack = stage
            stage.inside.append((one, part.quantity))


def _openings(stages: Sequence[Stage]) -> Iterator[Opening]:
    at_slot: dict[datetime, list[tuple[Stage, Wave]]] = defaultdict(list)
    for stage in stages:
        # Nobody comes for a return voucher: it is given for a purchase.
        for wave in stage.waves if stage.batch.rules.trigger is None else ():
            at_slot[wave.slot].append((stage, wave))
    for slot, found in sorted(at_slot.items(), key=lambda one: one[0]):
        yield Opening(
            at=slot,
            stages=tuple(stage for stage, _wave in found),
            waves=tuple(wave for _stage, wave in found),
            units=tuple(wave.units for _stage, wave in found),
        )
