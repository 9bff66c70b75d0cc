"""Frozen rules in words a citizen reads (api.md, GET /batches and the rules page). Pure functions.

Every sentence follows from a rule; nothing is said that no rule decides.
"""

from django.utils.translation import gettext as _

from core.passages import joined, moment_words
from vouchers.rules.benefit_model import (
    ExchangeBenefit,
    NoThresholdBenefit,
    PackBenefit,
    PercentageBenefit,
    RandomBenefit,
    ThresholdBasis,
    ThresholdBenefit,
    TiersBenefit,
)
from vouchers.rules.limit_words import (
    cap_words,
    conflict_words,
    issued_words,
    limit_words,
    who_words,
)
from vouchers.rules.model import BatchRules, Validity
from vouchers.rules.names import ScopeNames
from vouchers.rules.refund_words import refund_words
from vouchers.rules.spelling import amount_words
from vouchers.rules.trigger_words import trigger_words
from vouchers.rules.use_words import how_words, where_words


def rules_words(
    rules: BatchRules,
    *,
    face_fen: int,
    names: ScopeNames,
) -> list[str]:
    """Return one sentence per rule, in the order a reader asks: how much, until when, who, where.

    ``names`` spells codes; a code without a name is shown itself.
    """
    claiming = [
        *issued_words(rules),
        *trigger_words(rules, names),
        # Who may claim a part of a pack is said by its pack.
        *(who_words(rules) if rules.issuing != "PACK" else ()),
        *(limit_words(limit, rules.group) for limit in rules.limits),
        *(cap_words(cap, rules.group) for cap in rules.caps),
        *conflict_words(rules),
    ]
    benefit = benefit_words(rules, face_fen=face_fen)
    if isinstance(rules.benefit, PackBenefit):
        # When, where and how is said by the batches it is made of.
        return [benefit, _("本券包的张数均指份数"), *claiming]
    validity, *using = using_words(rules, names=names)
    return [benefit, validity, *claiming, *using]


def using_words(rules: BatchRules, *, names: ScopeNames) -> list[str]:
    """Return when, where and how a voucher is used, and what a refund does."""
    return [
        validity_words(rules.validity),
        *where_words(rules, names),
        *how_words(rules),
        refund_words(rules),
    ]


def benefit_words(rules: BatchRules, *, face_fen: int) -> str:
    """Return the benefit, e.g. 满100元减30元, with what the threshold is measured on."""
    benefit = rules.benefit
    if isinstance(benefit, NoThresholdBenefit):
        return _("无门槛减%(face)s元，至少自付0.01元") % {"face": amount_words(face_fen)}
    names = {
        "threshold": amount_words(benefit.threshold_fen),
        "face": amount_words(face_fen),
        "basis": basis_words(benefit.basis),
    }
    if isinstance(benefit, ThresholdBenefit | RandomBenefit):
        text = _("满%(threshold)s元减%(face)s元，按%(basis)s计算")
        if isinstance(benefit, RandomBenefit):
            names["least"] = amount_words(benefit.min_fen)
            text = _("满%(threshold)s元随机减%(least)s–%(face)s元，按%(basis)s计算")
        return text % names
    if isinstance(benefit, ExchangeBenefit):
        return _(
            "兑换%(item)s %(quantity)s 件，按商户优惠后的商品价格抵扣，"
            "最高减%(face)s元，超出部分自付"
        ) % {
            **names,
            "item": benefit.name,
            "quantity": benefit.quantity,
        }
    if isinstance(benefit, PackBenefit):
        parts = joined(f"{part.name or part.batch}×{part.quantity}" for part in benefit.parts)
        return _("券包共%(face)s元，内含%(parts)s，一次领取") % {
            **names,
            "parts": parts,
        }
    if isinstance(benefit, TiersBenefit):
        names["tiers"] = _("，").join(
            _("满%(threshold)s元减%(face)s元")
            % {"threshold": amount_words(tier.from_fen), "face": amount_words(tier.subsidy_fen)}
            for tier in benefit.tiers
        )
        return _("%(tiers)s，取所达最高一档，按%(basis)s计算") % names
    return _percentage_words(benefit, names)


def _percentage_words(benefit: PercentageBenefit, names: dict[str, str]) -> str:
    names["rate"] = rate_words(benefit.rate_bp)
    text = _("减%(rate)s%%，最高减%(face)s元，按%(basis)s计算") % names
    if benefit.threshold_fen:
        text = _("满%(threshold)s元减%(rate)s%%，最高减%(face)s元，按%(basis)s计算") % names
    if benefit.ceiling_fen is None:
        return text
    return _("%(benefit)s，价格不高于%(ceiling)s元") % {
        "benefit": text,
        "ceiling": amount_words(benefit.ceiling_fen),
    }


def basis_words(basis: ThresholdBasis) -> str:
    """Return what threshold and percentage are measured on."""
    return {
        "ORDER": _("订单金额"),
        "AFTER_MERCHANT_DISCOUNTS": _("扣除商户优惠后的金额"),
        "AFTER_DISCOUNTS": _("扣除商户及银行优惠后的金额"),
    }[basis]


def rate_words(rate_bp: int) -> str:
    """Write a rate in per cent: 2,000 basis points are 20, 1,250 are 12.5."""
    return f"{rate_bp / 100:g}"


def validity_words(validity: Validity) -> str:
    """Return until when a voucher may be used (domain-rules §4)."""
    value = {"value": validity.value}
    match validity.mode:
        case "HOURS" if validity.starts == "NEXT_DAY":
            text = _("领取次日零点起%(value)s小时内有效") % value
        case "HOURS":
            text = _("领取后%(value)s小时内有效") % value
        case "CLAIM_DAY":
            text = _("领取当日24点前有效")
        case "NATURAL_DAYS":
            text = _("自领取当日起%(value)s个自然日内有效") % value
        case "NATURAL_DAYS_FROM_NEXT":
            text = _("自领取次日起%(value)s个自然日内有效") % value
        case "MONTH_END":
            text = _("领取当月月底前有效")
        case "ROUND_END":
            text = _rounds(validity)
        case "FIXED_WINDOW":
            return _from_next_day(validity, _fixed_window(validity))
        case "CAMPAIGN_END":
            return _from_next_day(validity, _("活动结束前有效"))
    capped = _("%(validity)s，且不晚于活动结束时间") % {"validity": text}
    return capped if validity.mode == "HOURS" else _from_next_day(validity, capped)


def _from_next_day(validity: Validity, text: str) -> str:
    """Add when the voucher can first be used, where that is not at once."""
    if validity.starts != "NEXT_DAY":
        return text
    return _("%(validity)s，领取次日零点起方可使用") % {"validity": text}


def _rounds(validity: Validity) -> str:
    if validity.fixed_from is None:
        raise ValueError("rounds need their beginning")
    return _("自%(from)s起每%(value)s天为一个使用周期，领取所在周期结束前有效") % {
        "from": moment_words(validity.fixed_from),
        "value": validity.value,
    }


def _fixed_window(validity: Validity) -> str:
    if validity.fixed_from is None or validity.fixed_until is None:
        raise ValueError("a fixed window needs both ends")
    return _("%(from)s至%(until)s有效") % {
        "from": moment_words(validity.fixed_from),
        "until": moment_words(validity.fixed_until),
    }
