"""What a pack (券包) and its parts must hold (domain-rules §3; architecture.md, Money)."""

from collections import Counter
from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _

from campaigns.definition.registry import Problem
from vouchers.definition.model import BatchSpec
from vouchers.rules.benefit_model import PackBenefit, PackPart
from vouchers.rules.model import UseScope, rolls_over

MOST_IN_A_PACK = 20
"""Vouchers that one claim may write: a group of claims is one transaction."""


def pack_parts(batch: BatchSpec) -> tuple[PackPart, ...]:
    """Return what a batch is made of; nothing for one that is no pack."""
    benefit = batch.rules.benefit
    return benefit.parts if isinstance(benefit, PackBenefit) else ()


def packs_problems(batches: list[BatchSpec]) -> Iterator[Problem]:
    """Find what is wrong between packs and the batches they are made of."""
    named = {batch.code: batch for batch in batches}
    used = Counter(part.batch for batch in batches for part in pack_parts(batch))
    for index, batch in enumerate(batches):
        path = f"batches[{index}]"
        if pack_parts(batch):
            yield from _pack(batch, named, path)
        if batch.rules.issuing == "PACK":
            yield from _part(batch, used[batch.code], path)


def _pack(batch: BatchSpec, named: Mapping[str, BatchSpec], path: str) -> Iterator[Problem]:
    if batch.funders or batch.budget:
        yield Problem(f"{path}.funders", _("券包由所含各批次出资，不填写出资方和预算"))
    rules = batch.rules
    if rules.issuing == "PACK":
        yield Problem(f"{path}.rules.issuing", _("券包不能再放入券包"))
    if rules.use != UseScope() or rules.location.at_use:
        yield Problem(f"{path}.rules.use", _("使用规则由所含各批次规定"))
    if any(limit.side == "REDEMPTION" for limit in rules.limits):
        yield Problem(f"{path}.rules.limits", _("限用由所含各批次规定"))
    if sum(part.quantity for part in pack_parts(batch)) > MOST_IN_A_PACK:
        yield Problem(
            f"{path}.rules.benefit.parts",
            _("每包不得超过 %(limit)s 张") % {"limit": MOST_IN_A_PACK},
        )
    face = 0
    for position, part in enumerate(pack_parts(batch)):
        where = f"{path}.rules.benefit.parts[{position}]"
        found = named.get(part.batch)
        if found is None or found.rules.issuing != "PACK":
            yield Problem(
                f"{where}.batch",
                _("应为随券包发放（issuing: PACK）的批次：%(code)s") % {"code": part.batch},
            )
            continue
        face += found.face_fen * part.quantity
        if found.units != batch.units * part.quantity:
            yield Problem(
                f"{where}.quantity",
                _("%(code)s 的计划张数应为 %(units)s")
                % {"code": part.batch, "units": batch.units * part.quantity},
            )
    if face != batch.face_fen:
        yield Problem(f"{path}.face_fen", _("券包面额应等于所含各券面额之和"))


def _part(batch: BatchSpec, packs: int, path: str) -> Iterator[Problem]:
    if packs != 1:
        yield Problem(f"{path}.rules.issuing", _("随券包发放的批次须属于且只属于一个券包"))
    if batch.releases or batch.calendar:
        yield Problem(f"{path}.releases", _("随券包发放的批次没有自己的投放计划"))
    if rolls_over(batch.rules):
        yield Problem(f"{path}.rules.leftover", _("随券包发放的批次没有自己的投放计划"))
    if batch.rules.location.at_claim:
        yield Problem(f"{path}.rules.location", _("领取条件由券包规定"))
    if batch.rules.audience:
        yield Problem(f"{path}.rules.audience", _("领取条件由券包规定"))
    if batch.rules.device:
        yield Problem(f"{path}.rules.device", _("领取条件由券包规定"))
    if batch.rules.conflicts or any(limit.side == "CLAIM" for limit in batch.rules.limits):
        yield Problem(f"{path}.rules.limits", _("领取由券包限制，此处只写限用规则"))
