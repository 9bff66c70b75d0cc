"""What regions, industries, stores and brands in rules are called."""

from collections.abc import Iterable

from core.access.regions import region_names
from merchants.models import Merchant
from merchants.selectors import brand_names, store_names
from vouchers.rules.model import BatchRules
from vouchers.rules.names import NAMED_STORES, ScopeNames


def scope_names(rules: Iterable[BatchRules]) -> ScopeNames:
    """Return the names that the words of these rules need, in the reader's language.

    A query for stores and one for brands, each only where some rules name any.
    """
    every = list(rules)
    uses = [one.use for one in every] + [one.trigger.use for one in every if one.trigger]
    return ScopeNames(
        regions=region_names({code for use in uses for code in use.regions}),
        industries=_labels(Merchant.Industry.choices),
        tiers=_labels(Merchant.Tier.choices),
        stores=store_names({number for use in uses for number in use.stores[:NAMED_STORES]}),
        brands=brand_names({code for use in uses for code in use.brands}),
    )


def _labels(choices: Iterable[tuple[str, object]]) -> dict[str, str]:
    return {value: str(label) for value, label in choices}
