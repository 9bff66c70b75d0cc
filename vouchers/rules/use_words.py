"""Where, when and how a voucher may be used, in words (domain-rules §3, Scope). Pure functions."""

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _

from core.passages import english, joined
from vouchers.rules.flows import FLOWS
from vouchers.rules.model import BatchRules, UseScope
from vouchers.rules.names import NAMED_GOODS, NAMED_STORES, ScopeNames
from vouchers.rules.spelling import area_words


def where_words(rules: BatchRules, names: ScopeNames) -> Iterator[str]:
    """Yield at which stores a voucher may be used."""
    use = rules.use
    if use.whitelist:
        yield _("仅限参与活动的商户使用")
    if use.regions:
        yield _("使用地区：%(names)s") % {"names": _spelt(use.regions, names.regions)}
    if use.industries:
        yield _("适用行业：%(names)s") % {"names": _spelt(use.industries, names.industries)}
    if use.tiers:
        yield _("适用商户分级：%(names)s") % {"names": _spelt(use.tiers, names.tiers)}
    if use.brands:
        yield _("限%(names)s品牌的门店使用") % {"names": _spelt(use.brands, names.brands)}
    if len(use.stores) > NAMED_STORES:
        yield _("限%(names)s等%(count)s家门店使用") % {
            "names": _spelt(use.stores[:NAMED_STORES], names.stores),
            "count": len(use.stores),
        }
    elif use.stores:
        yield _("限%(names)s使用") % {"names": _spelt(use.stores, names.stores)}


def how_words(rules: BatchRules) -> Iterator[str]:
    """Yield when, by which way of paying, with which card and for which goods it may be used."""
    use = rules.use
    if use.hours:
        hours = joined(one.words(english=english()) for one in use.hours)
        yield _("可用时段：%(hours)s") % {"hours": hours}
    yield from flow_words(use)
    if use.card_bins:
        yield _("限卡号以%(prefixes)s开头的银行卡支付") % {"prefixes": joined(use.card_bins)}
    if use.items:
        yield _("仅%(names)s的金额计入用券金额") % {
            "names": _listed([one.name for one in use.items])
        }
    excluded = [goods_words(goods) for goods in use.excluded_goods]
    excluded += [one.name for one in use.excluded_items]
    if excluded:
        yield _("购买%(names)s的金额不计入用券金额") % {"names": _listed(excluded)}
    if rules.location.at_use:
        area = {"area": area_words(rules.location)}
        yield _("使用时须位于%(area)s内，并提供位置信息") % area
    yield _("每笔支付限用1张")


def flow_words(use: UseScope) -> Iterator[str]:
    """Yield the ways of paying, where not every one is allowed."""
    if use.flows:
        names = joined(FLOWS[flow].words(english=english()) for flow in use.flows)
        yield _("使用方式：%(names)s") % {"names": names}


def goods_words(goods: str) -> str:
    """Return the name of goods that a batch may exclude."""
    return {
        "STORED_VALUE": _("储值卡"),
        "PHONE_TOP_UP": _("话费充值"),
        "TOBACCO": _("烟草"),
        "FUEL": _("成品油"),
    }[goods]


def _listed(names: Sequence[str]) -> str:
    """Return the members of a list, of a long one the first and how many there are."""
    if len(names) <= NAMED_GOODS:
        return joined(names)
    return _("%(names)s等%(count)s种商品") % {
        "names": joined(names[:NAMED_GOODS]),
        "count": len(names),
    }


def _spelt(codes: Sequence[str], names: Mapping[str, str]) -> str:
    return joined(names.get(code, code) for code in codes)
