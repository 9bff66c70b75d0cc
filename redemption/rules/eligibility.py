"""Why a voucher cannot be used for a payment: every failing condition, with values.

`frozen_refusals` holds what cannot change in a race (rules, place, card, amounts); the hold's SQL
function adds state, expiry, switches and limits under its locks. `eligibility` is both, for a
quote. The order is the till's: what the customer can mend comes after what he cannot.
"""

from core.access.region_codes import any_contains
from core.errors import Refusal, Said
from redemption.rules.amounts import TOLD_ITEMS, ceiling_excess, threshold_shortfall
from redemption.rules.facts import PaymentFacts, PlaceFacts, VoucherFacts
from redemption.rules.items import pieces_of, uncounted, uncounted_fen
from vouchers.rules.benefit_model import ExchangeBenefit
from vouchers.rules.flows import FLOWS
from vouchers.rules.use_hours import next_usable, usable_at
from vouchers.states import VoucherState

NOT_LISTED = Said("whitelist", "不在参与商户名单", "not on the list of participating stores")
OTHER_REGION = Said("region", "不在适用地区", "outside the regions of the voucher")
OTHER_INDUSTRY = Said("industry", "行业不符", "of another industry")
OTHER_STORE = Said("store", "不是指定门店", "not one of the stores that are named")
OTHER_BRAND = Said("brand", "品牌不符", "of another brand")
OTHER_TIER = Said("tier", "商户分级不符", "of another merchant tier")
TOLD_GOODS = 20
"""So many goods of the order that do not count are named."""
TOLD_STORES = 5
"""Of a long list of stores a refusal names so many; GET /stores has them all."""
# Its plain value: nearly every voucher has this state, and a member is looked up in its class.
_ACTIVE = VoucherState.ACTIVE.value
_STATE_CODES = {
    VoucherState.REDEEMED: "voucher.redeemed",
    VoucherState.VOIDED: "voucher.voided",
    VoucherState.FROZEN: "voucher.frozen",
}


def eligibility(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    """Return every reason why the voucher cannot be used, none if it can (api.md, Codes)."""
    return [*state_refusals(voucher, payment), *frozen_refusals(voucher, payment)]


def state_refusals(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    """Return what state, expiry and switches say at this moment.

    A hold that has outlived its time no longer counts: the next hold times it out.
    """
    refusals: list[Refusal] = []
    if voucher.state == _ACTIVE and payment.at < voucher.valid_until and not voucher.paused:
        return refusals
    if voucher.state == VoucherState.EXPIRED or (
        payment.at >= voucher.valid_until
        and voucher.state in (VoucherState.ACTIVE, VoucherState.FROZEN)
    ):
        refusals.append(Refusal("voucher.expired", {"valid_until": voucher.valid_until}))
    elif voucher.state == VoucherState.HELD:
        if voucher.held_until is None or payment.at < voucher.held_until:
            refusals.append(Refusal("voucher.held", {"until": voucher.held_until}))
        elif payment.at >= voucher.valid_until:
            refusals.append(Refusal("voucher.expired", {"valid_until": voucher.valid_until}))
    elif voucher.state in _STATE_CODES:
        refusals.append(Refusal(_STATE_CODES[VoucherState(voucher.state)]))
    if voucher.paused:
        refusals.append(Refusal("redemption.paused"))
    return refusals


def frozen_refusals(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    """Return what the frozen rules, the place, the card and the amounts say."""
    refusals = []
    if payment.at < voucher.valid_from:
        refusals.append(Refusal("voucher.not_yet_valid", {"valid_from": voucher.valid_from}))
    refusals += _hours_refusals(voucher, payment)
    refusals += _place_refusals(voucher, payment)
    refusals += _payment_refusals(voucher, payment)
    refusals += _location_refusals(voucher, payment)
    refusals += _amount_refusals(voucher, payment)
    return refusals


def purchase_refusals(purchase: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    """Return why a payment is no purchase that a return voucher is given for, amounts apart.

    ``purchase`` has the rules of `purchase_rules`: when, where and how it counts.
    """
    return [
        *_hours_refusals(purchase, payment),
        *_place_refusals(purchase, payment),
        *_payment_refusals(purchase, payment),
    ]


def _hours_refusals(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    """Return a refusal outside the hours of use, with the next moment inside if one is left."""
    hours = voucher.rules.use.hours
    if usable_at(hours, payment.at):
        return []
    opens_at = next_usable(hours, max(payment.at, voucher.valid_from), voucher.valid_until)
    data = {"hours": hours, **({"opens_at": opens_at} if opens_at else {})}
    return [Refusal("voucher.outside_use_hours", data)]


def place_usable(place: PlaceFacts | None) -> list[Refusal]:
    """Return what is wrong with the till itself, whatever the voucher."""
    if place is None:
        return [Refusal("redemption.terminal_unmapped")]
    if place.merchant_state != "ACTIVE" or not place.store_active:
        return [Refusal("redemption.merchant_suspended")]
    return []


def _place_refusals(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    place = payment.place
    refusals = place_usable(place)
    if place is None:
        return refusals
    reasons: list[Said] = []
    use = voucher.rules.use
    if use.whitelist and voucher.campaign_id not in payment.listed_in:
        reasons.append(NOT_LISTED)
    regions = use.regions or voucher.campaign_regions
    if not any_contains(regions, place.store_region):
        reasons.append(OTHER_REGION)
    if use.industries and place.industry not in use.industries and place.mcc not in use.industries:
        reasons.append(OTHER_INDUSTRY)
    for reason, named, own in (
        (OTHER_STORE, use.stores, place.store_no),
        (OTHER_BRAND, use.brands, place.brand),
        (OTHER_TIER, use.tiers, place.tier),
    ):
        if named and own not in named:
            reasons.append(reason)
    if reasons:
        data = {
            "reasons": reasons,
            "store_region": place.store_region,
            "regions": list(regions),
            "industry": place.industry,
            "mcc": place.mcc,
            "industries": list(use.industries),
        }
        if use.stores:
            data |= {"store_no": place.store_no, "stores": list(use.stores[:TOLD_STORES])}
        if use.brands:
            data |= {"brand": place.brand, "brands": list(use.brands)}
        if use.tiers:
            data |= {"tier": place.tier, "tiers": list(use.tiers)}
        refusals.append(Refusal("redemption.store_not_in_scope", data))
    return refusals


def _payment_refusals(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    refusals = []
    use = voucher.rules.use
    if use.flows and payment.flow not in use.flows:
        data = {"flow": payment.flow, "allowed": [FLOWS[flow] for flow in use.flows]}
        refusals.append(Refusal("redemption.flow_not_allowed", data))
    if use.card_bins and not any(payment.card_bin.startswith(prefix) for prefix in use.card_bins):
        data = {"card_bin": payment.card_bin, "prefixes": list(use.card_bins)}
        refusals.append(Refusal("redemption.card_not_allowed", data))
    return refusals


def _amount_refusals(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    """Return what is missing to the threshold or above the ceiling, of the goods that count.

    Where the others would do, or where the voucher is for certain items, that is a reason of its
    own beside the shortfall.
    """
    benefit = voucher.rules.benefit
    if isinstance(benefit, ExchangeBenefit):
        return [*_exchange_refusals(benefit, payment), *threshold_shortfall(voucher, payment)]
    use = voucher.rules.use
    excluded_fen = uncounted_fen(use, payment.order_fen, payment.items)
    dear, short = ceiling_excess(voucher, payment), threshold_shortfall(voucher, payment)
    if not short or not excluded_fen:
        return [*dear, *short]
    if not use.items and threshold_shortfall(voucher, payment, count_excluded=True):
        return [*dear, *short]
    goods = dict.fromkeys(item.code for item in uncounted(use, payment.items))
    data = {
        "excluded_fen": excluded_fen,
        "goods": list(goods)[:TOLD_GOODS],
        "eligible_fen": payment.order_fen - excluded_fen,
        "missing_fen": short[0].data["shortfall_fen"],
    }
    if use.items:
        data["items"] = list(use.items[:TOLD_ITEMS])
    return [Refusal("redemption.item_not_eligible", data), *dear, *short]


def _exchange_refusals(benefit: ExchangeBenefit, payment: PaymentFacts) -> list[Refusal]:
    """Return how many pieces of the item that the voucher is exchanged for are missing."""
    found = pieces_of(benefit.sku, payment.items)
    if found >= benefit.quantity:
        return []
    data = {
        "item": Said(benefit.sku, benefit.name, benefit.name),
        "quantity": benefit.quantity,
        "found_quantity": found,
        "missing_quantity": benefit.quantity - found,
    }
    return [Refusal("redemption.item_not_eligible", data)]


def _location_refusals(voucher: VoucherFacts, payment: PaymentFacts) -> list[Refusal]:
    if not voucher.rules.location.at_use:
        return []
    if payment.region_at is None:
        return [Refusal("redemption.location_required")]
    outside = voucher.rules.location.refuses(payment.region_at, voucher.campaign_regions)
    if not outside:
        return []
    return [Refusal("redemption.out_of_region", {"region_at": payment.region_at, **outside})]
