"""Forecasting a definition: the sample is played, and says what it stands for at full size."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from campaigns.definition.document import Definition, definition_stored
from campaigns.definition.model import CampaignSpec
from core.canonical import canonical_hash
from core.errors import InvalidParametersError
from redemption.forecast.curve import curve_points, minute_of, sold_out_after
from redemption.forecast.parameters import MOST_SEED, SEED, parameters_fill
from redemption.forecast.play import Play, Till, Told, nobody_listens
from redemption.forecast.result import (
    BatchForecast,
    DayForecast,
    Forecast,
    FunderForecast,
    Sample,
    TicketsForecast,
    WaveForecast,
    codes_sum,
)
from redemption.forecast.sampling import cast_make
from redemption.forecast.stages import Stage, Wave
from vouchers.definition.model import BatchSpec


def forecast_make(
    definition: Definition,
    *,
    parameters: Mapping[str, int] | None = None,
    seed: int = SEED,
    scale: int = 0,
    told: Told = nobody_listens,
) -> Forecast:
    """Return the forecast of a definition; reads and writes no row.

    The same definition, ``parameters`` (others have their defaults), ``seed`` and ``scale`` (0
    chooses one) give the same forecast. ``told(done, total)`` is called as it goes on.

    Raises:
        InvalidParametersError: a parameter, the seed or the scale is out of bounds.
    """
    values = _checked(parameters, seed)
    spec, batches = definition.spec, _batches(definition)
    cast = cast_make(spec, batches, values, scale)
    play = Play(spec, cast, values, seed)
    play.run(told)
    pairs = list(zip(cast.stages, play.tills, strict=True))
    return Forecast(
        campaign=spec.code,
        title=spec.title,
        config_hash=canonical_hash(definition.document()),
        starts_at=spec.starts_at,
        ends_at=spec.ends_at,
        seed=seed,
        parameters=values,
        sample=Sample(
            scale=cast.scale,
            units=sum(wave.units for stage in cast.stages for wave in stage.waves),
            persons=cast.persons,
            attempts=sum(_attempts(wave) for stage in cast.stages for wave in stage.waves),
            tickets=sum(till.drawn for till in play.tills),
            unplayed_waves=cast.unplayed_waves,
        ),
        persons=cast.persons * cast.scale,
        claimants=len(play.claimants) * cast.scale,
        batches=tuple(_batch(stage, till, cast.scale) for stage, till in pairs),
        funders=tuple(_funders(spec, play)),
    )


def forecast_check(
    definition: Definition, *, parameters: Mapping[str, int], seed: int, scale: int
) -> dict[str, int]:
    """Return every parameter's value for a forecast that `forecast_make` will not refuse.

    Raises:
        InvalidParametersError: a parameter, the seed or the scale is out of bounds.
    """
    values = _checked(parameters, seed)
    cast_make(definition.spec, _batches(definition), values, scale)
    return values


def _checked(parameters: Mapping[str, int] | None, seed: int) -> dict[str, int]:
    if not 0 <= seed <= MOST_SEED:
        reason = _("应在 0 至 %(limit)s 之间") % {"limit": MOST_SEED}
        raise InvalidParametersError.one("seed", reason, MOST_SEED)
    return parameters_fill(parameters or {})


def configuration_hash(document: Mapping[str, Any]) -> str:
    """Return the hash a stored document's forecast carries, whatever fields there were then."""
    return canonical_hash(definition_stored(document).document())


def _batches(definition: Definition) -> list[BatchSpec]:
    found: list[BatchSpec] = definition.values["batches"]
    return found


def _batch(stage: Stage, till: Till, scale: int) -> BatchForecast:
    planned = stage.planned
    released = stage.opens
    used = 0 if stage.inside else stage.issued
    units = {one.slot: one.units for one in planned.releases}
    waves = tuple(_wave(wave, units[wave.slot], scale) for wave in stage.waves)
    return BatchForecast(
        code=planned.code,
        name=planned.name,
        face_fen=planned.face_fen,
        threshold_fen=planned.rules.benefit.threshold_fen,
        issuing=planned.rules.issuing,
        pack=bool(stage.inside),
        units=planned.units,
        released=released * scale,
        claimed=stage.issued * scale,
        left=(released - stage.issued) * scale,
        attempts=sum(wave.attempts for wave in waves),
        refused=codes_sum([wave.refused for wave in waves]),
        redeemed=till.redeemed * scale,
        expired=(used - till.redeemed) * scale,
        subsidy_fen=till.subsidy_fen * scale,
        order_fen=till.order_fen * scale,
        tickets=TicketsForecast(
            drawn=till.drawn * scale,
            below=till.below * scale,
            reached=till.reached * scale,
            refused=_codes(till.refused, scale),
        ),
        days=tuple(
            DayForecast(
                day=day,
                redeemed=redeemed * scale,
                subsidy_fen=subsidy * scale,
                order_fen=order * scale,
            )
            for day, (redeemed, subsidy, order) in sorted(till.days.items())
        ),
        waves=waves,
    )


def _wave(wave: Wave, units: int, scale: int) -> WaveForecast:
    gone = sold_out_after(wave.units, wave.by_second)
    return WaveForecast(
        slot=wave.slot,
        closes_at=wave.closes_at,
        units=units,
        released=wave.units * scale,
        claimed=wave.claimed * scale,
        left=wave.left * scale,
        attempts=_attempts(wave) * scale,
        accepted=wave.accepted * scale,
        refused=_codes(wave.refused, scale),
        sold_out_at=None if gone is None else minute_of(wave.slot, gone),
        sold_out_after_s=gone,
        curve=curve_points(wave.units, wave.by_second, scale=scale),
    )


def _attempts(wave: Wave) -> int:
    return wave.accepted + wave.refused.total()


def _codes(counts: Counter[str], scale: int) -> dict[str, int]:
    return codes_sum([{code: number * scale for code, number in counts.items()}])


def _funders(spec: CampaignSpec, play: Play) -> Iterator[FunderForecast]:
    issued: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for place in range(len(play.tills)):
        for code, issued_fen, used_fen in play.funder_parts_of(place):
            issued[code] += issued_fen * play.cast.scale
            used[code] += used_fen * play.cast.scale
    for funder in spec.funders:
        yield FunderForecast(
            code=funder.code,
            name=funder.name,
            level=funder.level,
            quota_fen=funder.quota_fen,
            issued_fen=issued[funder.code],
            redeemed_fen=used[funder.code],
            returned_fen=issued[funder.code] - used[funder.code],
            left_fen=funder.quota_fen - used[funder.code],
        )
