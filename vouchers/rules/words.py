"""Frozen rules in words a citizen reads (api.md, GET /batches and the rules page). Pure functions.

Every sentence follows from a rule; nothing is said that no rule decides.
"""

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.clock import TIME_ZONE
from core.money import yuan_text
from vouchers.rules.flows import FLOWS
from vouchers.rules.model import (
    BatchRules,
    LimitRule,
    NoThresholdBenefit,
    PackBenefit,
    ThresholdBasis,
    ThresholdBenefit,
    TiersBenefit,
    UseScope,
    Validity,
)


def rules_words(
    rules: BatchRules,
    *,
    face_fen: int,
    region_names: Mapping[str, str],
    industry_names: Mapping[str, str],
) -> list[str]:
    """Return one sentence per rule, in the order a reader asks: how much, until when, who, where.

    ``region_names`` and ``industry_names`` spell codes; a code without a name is shown itself.
    """
    return [
        benefit_words(rules, face_fen=face_fen),
        validity_words(rules.validity),
        *_who(rules),
        *(limit_words(limit, rules.group) for limit in rules.limits),
        *_conflicts(rules),
        *_where(rules, region_names, industry_names),
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
    if isinstance(benefit, ThresholdBenefit):
        return _("满%(threshold)s元减%(face)s元，按%(basis)s计算") % names
    if isinstance(benefit, PackBenefit):
        parts = _("、").join(
            _("%(name)s×%(quantity)s")
            % {"name": part.name or part.batch, "quantity": part.quantity}
            for part in benefit.parts
        )
        return _("券包共%(face)s元，内含%(parts)s，一次领取") % {**names, "parts": parts}
    if isinstance(benefit, TiersBenefit):
        names["tiers"] = _("，").join(
            _("满%(threshold)s元减%(face)s元")
            % {"threshold": amount_words(tier.from_fen), "face": amount_words(tier.subsidy_fen)}
            for tier in benefit.tiers
        )
        return _("%(tiers)s，取所达最高一档，按%(basis)s计算") % names
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


def issuing_words(issuing: str) -> str:
    """Return how vouchers come to people, e.g. 摇号抽签."""
    return {
        "CLAIM": _("先到先得领取"),
        "PACK": _("随券包发放"),
        "LOTTERY": _("摇号抽签"),
        "DRAW": _("即时抽奖"),
        "PAYMENT": _("支付立减"),
        "DOSSIER": _("补贴申报审核"),
    }[issuing]


def amount_words(fen: int) -> str:
    """Write an amount in yuan as people say it: 3000 → 30, 1050 → 10.50."""
    return str(fen // 100) if fen % 100 == 0 else yuan_text(fen)


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
            text = _("每%(value)s天为一个使用周期，领取所在周期结束前有效") % value
        case "FIXED_WINDOW":
            return _fixed_window(validity)
        case "CAMPAIGN_END":
            return _("活动结束前有效")
    return _("%(validity)s，且不晚于活动结束时间") % {"validity": text}


def limit_words(limit: LimitRule, group: str = "") -> str:
    """Return one limit: how many, over what, counted on which keys (domain-rules §5)."""
    names = {
        "window": _window(limit.window),
        "count": limit.count,
        "scope": _scope(limit.scope, group),
        "keys": _("、").join(_key(kind) for kind in limit.keys),
    }
    if limit.side == "REDEMPTION":
        return _("每人%(window)s限用%(count)s张（%(scope)s，同一%(keys)s合并计算）") % names
    return _("每人%(window)s限领%(count)s张（%(scope)s，同一%(keys)s合并计算）") % names


def _fixed_window(validity: Validity) -> str:
    if validity.fixed_from is None or validity.fixed_until is None:
        raise ValueError("a fixed window needs both ends")
    spelt = [
        moment.astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M")
        for moment in (validity.fixed_from, validity.fixed_until)
    ]
    return _("%(from)s至%(until)s有效") % {"from": spelt[0], "until": spelt[1]}


def _window(window: str) -> str:
    return {
        "DAY": _("每日"),
        "WEEK": _("每周"),
        "MONTH": _("每月"),
        "WAVE": _("每轮"),
        "TOTAL": _("活动期间"),
    }[window]


def _scope(scope: str, group: str) -> str:
    return {
        "CAMPAIGN": _("本活动各券合计"),
        "GROUP": _("“%(group)s”各券合计") % {"group": group},
        "BATCH": _("本券"),
    }[scope]


def _key(kind: str) -> str:
    return {
        "DOCUMENT": _("证件"),
        "MOBILE": _("手机号"),
        "DEVICE": _("设备"),
        "CARD": _("银行卡"),
        "ACCOUNT": _("渠道账户"),
    }[kind]


def _who(rules: BatchRules) -> Iterator[str]:
    if rules.issuing != "CLAIM":
        yield _("发放方式：%(issuing)s") % {"issuing": issuing_words(rules.issuing)}
    if rules.realname:
        yield _("须完成实名认证后领取")
    if rules.location.at_claim:
        yield _("领取时须位于活动地区内，并提供位置信息")


def _conflicts(rules: BatchRules) -> Iterator[str]:
    if rules.conflicts:
        names = _("、").join(rules.conflicts)
        yield _("与“%(names)s”各券不可同享，领取其一后不能再领另一类") % {"names": names}


def _where(
    rules: BatchRules, region_names: Mapping[str, str], industry_names: Mapping[str, str]
) -> Iterator[str]:
    use = rules.use
    if use.whitelist:
        yield _("仅限参与活动的商户使用")
    if use.regions:
        yield _("使用地区：%(names)s") % {"names": _spelt(use.regions, region_names)}
    if use.industries:
        yield _("适用行业：%(names)s") % {"names": _spelt(use.industries, industry_names)}
    yield from _how(use)
    if rules.location.at_use:
        yield _("使用时须位于活动地区内，并提供位置信息")
    yield _("每笔支付限用1张")


def _how(use: UseScope) -> Iterator[str]:
    english = (get_language() or "").startswith("en")
    if use.hours:
        hours = _("、").join(one.words(english=english) for one in use.hours)
        yield _("可用时段：%(hours)s") % {"hours": hours}
    if use.flows:
        names = _("、").join(FLOWS[flow].words(english=english) for flow in use.flows)
        yield _("使用方式：%(names)s") % {"names": names}
    if use.card_bins:
        yield _("限卡号以%(prefixes)s开头的银行卡支付") % {"prefixes": _("、").join(use.card_bins)}
    if use.excluded_goods:
        names = _("、").join(goods_words(goods) for goods in use.excluded_goods)
        yield _("购买%(names)s的金额不计入用券金额") % {"names": names}


def goods_words(goods: str) -> str:
    """Return the name of goods that a batch may exclude."""
    return {
        "STORED_VALUE": _("储值卡"),
        "PHONE_TOP_UP": _("话费充值"),
        "TOBACCO": _("烟草"),
        "FUEL": _("成品油"),
    }[goods]


def _spelt(codes: Sequence[str], names: Mapping[str, str]) -> str:
    return _("、").join(names.get(code, code) for code in codes)


def refund_words(rules: BatchRules) -> str:
    """Return what a refund does, as every quote shows it (domain-rules §6)."""
    texts = {
        "PRO_RATA_KEEP_USED": _(
            "有效期内全额退款的，消费券退回原账户且有效期不变；有效期外全额退款的，"
            "消费券金额退回资金池；部分退款按比例退还，消费券视为已使用"
        ),
        "ALWAYS_CONSUMED": _("退款按比例退还，消费券视为已使用"),
        "OWN_MONEY_FIRST": _(
            "有效期内全额退款的，消费券退回原账户且有效期不变；有效期外全额退款的，"
            "消费券金额退回资金池；部分退款先退还消费者自付部分，再退还消费券部分，消费券视为已使用"
        ),
        "CASH_ONLY": _("退款只按比例退还消费者自付部分，消费券金额不退，消费券视为已使用"),
        "QUOTA_CONSUMED": _(
            "退款按比例退还；全额退款的，消费券作废、金额退回资金池，已享次数不恢复"
        ),
    }
    return texts[rules.refund_policy]
