"""What a document must hold in itself (domain-rules §2): period, regions, funders, budgets."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from campaigns.definition.registry import Problem, UnitBudget
from campaigns.records import published_records
from core.access.models import Organisation, Region
from core.access.region_codes import subtree_contains
from core.money import yuan_text

_STEP = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")


def spec_problems(spec: CampaignSpec) -> list[Problem]:
    """Return what is wrong in the campaign's own fields."""
    return [*_period(spec), *_regions(spec), *_funders(spec), *_records(spec)]


def document_problems(
    spec: CampaignSpec, budgets: Sequence[UnitBudget], document: dict[str, Any]
) -> list[Problem]:
    """Return what is wrong across the canonical document: budgets, marked paths."""
    return [*_budget_identity(spec, budgets), *_illustrative(spec, document)]


def _period(spec: CampaignSpec) -> Iterator[Problem]:
    if spec.ends_at <= spec.starts_at:
        yield Problem("ends_at", _("结束时间应晚于开始时间"))


def _regions(spec: CampaignSpec) -> Iterator[Problem]:
    codes = {spec.owner_region, *spec.regions}
    known = set(Region.objects.filter(code__in=codes).values_list("code", flat=True))
    if spec.owner_region not in known:
        yield Problem("owner_region", _unknown_region(spec.owner_region))
    for index, code in enumerate(spec.regions):
        if code not in known:
            yield Problem(f"regions[{index}]", _unknown_region(code))
        elif not subtree_contains(spec.owner_region, code):
            yield Problem(f"regions[{index}]", _("不在归属地区之内"))
    yield from _twice("regions", spec.regions)


def _unknown_region(code: str) -> str:
    return _("行政区划代码不存在：%(code)s") % {"code": code}


def _funders(spec: CampaignSpec) -> Iterator[Problem]:
    yield from _twice("funders", [funder.code for funder in spec.funders])
    named = {one.organisation for one in spec.funders} | {spec.organisation}
    known = set(Organisation.objects.filter(code__in=named).values_list("code", flat=True))
    if spec.organisation and spec.organisation not in known:
        yield Problem("organisation", _("机构代码不存在"))
    for index, funder in enumerate(spec.funders):
        if funder.organisation and funder.organisation not in known:
            yield Problem(f"funders[{index}].organisation", _("机构代码不存在"))


def _budget_identity(spec: CampaignSpec, budgets: Sequence[UnitBudget]) -> Iterator[Problem]:
    """``face × quantity ≤ batch budget`` and ``Σ batch budgets ≤ funding``, per funder."""
    totals: Counter[str] = Counter()
    for unit in budgets:
        for code, needed in unit.needed.items():
            given = unit.budget.get(code, 0)
            if given < needed:
                yield Problem(
                    f"{unit.path}.budget.{code}",
                    _("批次预算 %(given)s 元低于面额×张数所需的 %(needed)s 元")
                    % {"given": yuan_text(given), "needed": yuan_text(needed)},
                )
        for code in sorted(set(unit.budget) - set(unit.needed)):
            yield Problem(f"{unit.path}.budget.{code}", _("该出资方不在本批次的出资方中"))
        totals.update(unit.budget)
    for index, funder in enumerate(spec.funders):
        if totals[funder.code] > funder.quota_fen:
            yield Problem(
                f"funders[{index}].quota_fen",
                _("预算额度 %(quota)s 元低于各批次预算合计 %(total)s 元")
                % {"quota": yuan_text(funder.quota_fen), "total": yuan_text(totals[funder.code])},
            )


def _records(spec: CampaignSpec) -> Iterator[Problem]:
    for index, record in enumerate(spec.records):
        if record not in published_records():
            yield Problem(f"records[{index}]", _("没有这条公开记录"))


def _illustrative(spec: CampaignSpec, document: dict[str, Any]) -> Iterator[Problem]:
    for index, mark in enumerate(spec.illustrative):
        if not path_values(document, mark.path):
            yield Problem(f"illustrative[{index}].path", _("方案中没有这个路径"))


def path_values(value: Any, path: str) -> list[Any]:
    """Return the values a path such as ``batches[*].rules.validity`` leads to; empty if none."""
    found = [value]
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            return []
        name, index = match.groups()
        found = [item for one in found for item in _step(one, name, index)]
        position = match.end() + (path[match.end() : match.end() + 1] == ".")
    return found


def _step(value: Any, name: str | None, index: str | None) -> Iterable[Any]:
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return []
    if index == "*":
        return value
    return value[int(index or 0) : int(index or 0) + 1]


def _twice(name: str, codes: Sequence[str]) -> Iterator[Problem]:
    for code, count in Counter(codes).items():
        if count > 1:
            yield Problem(name, _("重复：%(code)s") % {"code": code})
