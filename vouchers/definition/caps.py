"""What is wrong with the caps (投放上限) of a section ``batches``."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from django.utils.translation import gettext as _

from campaigns.definition.registry import Problem
from vouchers.definition.model import BatchSpec
from vouchers.definition.packs import pack_parts
from vouchers.rules.caps import MARK
from vouchers.rules.model import CapRule


def caps_problems(batches: list[BatchSpec]) -> Iterator[Problem]:
    """Find caps that nobody could claim under, that say nothing, or that contradict each other."""
    for index, batch in enumerate(batches):
        path = f"batches[{index}].rules.caps"
        for code, count in Counter(cap.code for cap in batch.rules.caps).items():
            if count > 1:
                yield Problem(path, _("规则代码重复：%(code)s") % {"code": code})
        for position, cap in enumerate(batch.rules.caps):
            yield from _cap(batch, cap, f"{path}[{position}]")
    yield from _shared(batches)


def _cap(batch: BatchSpec, cap: CapRule, path: str) -> Iterator[Problem]:
    if not cap.code or {":", "@", MARK} & set(cap.code) or len(cap.code) > 38:
        yield Problem(f"{path}.code", _("应为 1–38 个字符，且不含冒号、@与#"))
    if cap.units is None and cap.amount_fen is None:
        yield Problem(path, _("投放上限须填写张数（units）或金额（amount_fen）"))
    if cap.amount_fen is not None and cap.amount_fen < batch.face_fen:
        yield Problem(f"{path}.amount_fen", _("上限金额不足一张面额"))
    if cap.scope == "GROUP" and not batch.rules.group:
        yield Problem(f"{path}.scope", _("本批次未归入任何组（group）"))


def _shared(batches: list[BatchSpec]) -> Iterator[Problem]:
    """A cap over campaign or group is the same in every batch, and of a group in all of them."""
    inside = {code for batch in batches for code in _parts(batch)}
    first: dict[tuple[str, str], CapRule] = {}
    named: dict[str, set[str]] = defaultdict(set)
    for index, batch in enumerate(batches):
        for position, cap in enumerate(batch.rules.caps):
            path = f"batches[{index}].rules.caps[{position}]"
            if batch.code in inside:
                yield Problem(path, _("券包内的券随券包领取，上限写在券包上"))
            if cap.scope == "BATCH":
                continue
            over = batch.rules.group if cap.scope == "GROUP" else ""
            if cap.scope == "GROUP":
                named[over].add(cap.code)
            if first.setdefault((over, cap.code), cap) != cap:
                yield Problem(path, _("与其他批次的同名上限不一致：%(code)s") % {"code": cap.code})
    for index, batch in enumerate(batches):
        mine = {cap.code for cap in batch.rules.caps if cap.scope == "GROUP"}
        missing = named[batch.rules.group] - mine if batch.rules.group else set()
        for code in sorted(missing if batch.code not in inside else ()):
            yield Problem(
                f"batches[{index}].rules.caps", _("缺少本组的合计上限：%(code)s") % {"code": code}
            )


def _parts(batch: BatchSpec) -> list[str]:
    return [part.batch for part in pack_parts(batch)]
