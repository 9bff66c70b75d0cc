"""Where, when and how the vouchers of a batch may be used: what must hold (domain-rules §3)."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from campaigns.definition.registry import Problem
from campaigns.selectors import GOVERNMENT_LEVELS
from core.access.models import Region
from core.access.region_codes import subtree_contains
from merchants.models import Merchant
from merchants.selectors import brand_names, store_regions
from vouchers.definition.model import BatchSpec
from vouchers.rules.benefit_model import ExchangeBenefit
from vouchers.rules.model import BatchRules, Location, UseScope


def use_problems(spec: CampaignSpec, batch: BatchSpec, path: str) -> Iterator[Problem]:
    """Find what is wrong with the scope of a batch."""
    use = batch.rules.use
    yield from _hours(use, path)
    known = set(Region.objects.filter(code__in=use.regions).values_list("code", flat=True))
    for index, code in enumerate(use.regions):
        inside = any(subtree_contains(region, code) for region in spec.regions)
        if code not in known or not inside:
            yield Problem(f"{path}.regions[{index}]", _("不是活动地区内的行政区划代码"))
    for index, industry in enumerate(use.industries):
        if industry not in Merchant.Industry.values:
            yield Problem(f"{path}.industries[{index}]", _("没有这个行业"))
    for index, prefix in enumerate(use.card_bins):
        if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 10):
            yield Problem(f"{path}.card_bins[{index}]", _("应为 1–10 位数字"))
    for name in ("stores", "brands", "tiers"):
        codes = getattr(use, name)
        for index, code in enumerate(codes):
            if code in codes[:index]:
                yield Problem(f"{path}.{name}[{index}]", _("重复：%(code)s") % {"code": code})
    yield from _items(batch.rules, path)
    if use.tiers and _public_money(spec, batch):
        yield Problem(f"{path}.tiers", _("有财政资金的批次不得以商户分级作为适用条件"))


def location_problems(location: Location, path: str) -> Iterator[Problem]:
    """Find regions that are none, or that nobody is asked to be in."""
    known = set(Region.objects.filter(code__in=location.regions).values_list("code", flat=True))
    for index, code in enumerate(location.regions):
        if code not in known:
            yield Problem(f"{path}.regions[{index}]", _("不是行政区划代码"))
        elif code in location.regions[:index]:
            yield Problem(f"{path}.regions[{index}]", _("重复：%(code)s") % {"code": code})
    if location.regions and not (location.at_claim or location.at_use):
        yield Problem(f"{path}.regions", _("未要求位置（at_claim、at_use），不使用此字段"))


def scope_unknown(spec: CampaignSpec, batches: Sequence[BatchSpec]) -> Iterator[Problem]:
    """Find stores and brands that are not registered (yet), and stores the batch cannot reach.

    They may be reported after the campaign is drafted, so they only keep it from going live. Two
    queries at most.
    """
    placed = list(_uses(batches))
    uses = [use for _path, use in placed]
    regions = store_regions({number for use in uses for number in use.stores})
    brands = brand_names({code for use in uses for code in use.brands})
    for path, use in placed:
        for index, number in enumerate(use.stores):
            where = f"{path}.stores[{index}]"
            if number not in regions:
                yield Problem(where, _("没有这个门店：%(code)s") % {"code": number})
            elif not any(
                subtree_contains(region, regions[number]) for region in use.regions or spec.regions
            ):
                yield Problem(where, _("门店不在适用地区内：%(code)s") % {"code": number})
        for index, code in enumerate(use.brands):
            if code not in brands:
                yield Problem(
                    f"{path}.brands[{index}]", _("没有这个品牌：%(code)s") % {"code": code}
                )


def _uses(batches: Sequence[BatchSpec]) -> Iterator[tuple[str, UseScope]]:
    """Yield where the vouchers are used, and where the purchases are that some are given for."""
    for position, batch in enumerate(batches):
        path = f"batches[{position}].rules"
        yield f"{path}.use", batch.rules.use
        if batch.rules.trigger is not None:
            yield f"{path}.trigger.use", batch.rules.trigger.use


def _items(rules: BatchRules, path: str) -> Iterator[Problem]:
    """Find goods that are not told by one code, named twice, or both counted and excluded."""
    if isinstance(rules.benefit, ExchangeBenefit):
        for name in ("items", "excluded_items", "excluded_goods"):
            if getattr(rules.use, name):
                yield Problem(f"{path}.{name}", _("兑换券的商品写在 benefit 中，不填写此项"))
        return
    use = rules.use
    taken: dict[tuple[str, str], str] = {
        ("", kind): f"excluded_goods[{index}]" for index, kind in enumerate(use.excluded_goods)
    }
    for name in ("items", "excluded_items"):
        for index, rule in enumerate(getattr(use, name)):
            where = f"{name}[{index}]"
            if bool(rule.sku) == bool(rule.category):
                yield Problem(f"{path}.{where}", _("sku 与 category 须且只须填写一个"))
                continue
            before = taken.setdefault((rule.sku, rule.category), where)
            if before != where:
                yield Problem(
                    f"{path}.{where}",
                    _("与 %(other)s 重复或矛盾：%(code)s") % {"other": before, "code": rule.code},
                )


def _public_money(spec: CampaignSpec, batch: BatchSpec) -> bool:
    funders = (spec.funder(code) for code in batch.funders)
    return any(funder.level in GOVERNMENT_LEVELS for funder in funders if funder is not None)


def _hours(use: UseScope, path: str) -> Iterator[Problem]:
    for index, hours in enumerate(use.hours):
        where = f"{path}.hours[{index}]"
        if hours.opens == "24:00":
            yield Problem(f"{where}.opens", _("开始时间应早于24:00"))
        if len(set(hours.weekdays)) < len(hours.weekdays):
            yield Problem(f"{where}.weekdays", _("不得重复"))
    if len(set(use.hours)) < len(use.hours):
        yield Problem(f"{path}.hours", _("不得重复"))
