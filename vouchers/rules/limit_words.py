"""Who may claim and how many, in words (domain-rules §5). Pure functions."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from core.money import yuan_text
from core.passages import joined
from vouchers.rules.model import BatchRules, CapRule, LimitRule
from vouchers.rules.spelling import area_words


def issuing_words(issuing: str) -> str:
    """Return how vouchers come to people, e.g. 摇号抽签."""
    return {
        "CLAIM": _("先到先得领取"),
        "PACK": _("随券包发放"),
        "RETURN": _("消费返券"),
        "LOTTERY": _("摇号抽签"),
        "DRAW": _("即时抽奖"),
        "PAYMENT": _("支付立减"),
        "DOSSIER": _("补贴申报审核"),
    }[issuing]


def issued_words(rules: BatchRules) -> Iterator[str]:
    """Yield how vouchers are given out, where they are not simply claimed."""
    if rules.issuing != "CLAIM":
        yield _("发放方式：%(issuing)s") % {"issuing": issuing_words(rules.issuing)}
    if rules.issuing == "PAYMENT":
        yield _("无需领取，付款时自动抵扣；付款未完成的，有效期内仍可使用")


def who_words(rules: BatchRules) -> Iterator[str]:
    """Yield who may claim."""
    if rules.audience:
        yield _("仅限%(audience)s领取，以领取时生效的名单为准") % {"audience": rules.audience.name}
        if rules.audience.contact:
            named = {"contact": rules.audience.contact}
            yield _("符合条件但未在名单内的，请到%(contact)s申请") % named
    if rules.realname:
        yield _("须完成实名认证后领取")
    if rules.location.at_claim:
        area = {"area": area_words(rules.location)}
        yield _("领取时须位于%(area)s内，并提供位置信息") % area
    if rules.device:
        yield _("同一设备%(days)s天内最多%(persons)s人领取本活动的消费券") % {
            "days": rules.device.days,
            "persons": rules.device.persons,
        }


def limit_words(limit: LimitRule, group: str = "") -> str:
    """Return one limit: how many, over what, counted on which keys."""
    names = {
        "window": _window(limit.window),
        "count": limit.count,
        "scope": _scope(limit.scope, group),
        "keys": joined(_key(kind) for kind in limit.keys),
    }
    if limit.side == "REDEMPTION":
        words = _("每人%(window)s限用%(count)s张（%(scope)s，同一%(keys)s合并计算）") % names
    else:
        words = _("每人%(window)s限领%(count)s张（%(scope)s，同一%(keys)s合并计算）") % names
    return _("%(limit)s；过期未用的不占次数") % {"limit": words} if limit.gives_back else words


def cap_words(cap: CapRule, group: str = "") -> str:
    """Return one cap: how much all people together may claim in a day or week."""
    most = [
        *([_("%(units)s份") % {"units": f"{cap.units:,}"}] if cap.units is not None else ()),
        *(
            [_("面额合计%(amount)s元") % {"amount": yuan_text(cap.amount_fen)}]
            if cap.amount_fen is not None
            else ()
        ),
    ]
    return _("%(window)s最多发放%(most)s（%(scope)s，所有人合计），领完为止") % {
        "window": _window(cap.window),
        "most": joined(most),
        "scope": _scope(cap.scope, group),
    }


def conflict_words(rules: BatchRules) -> Iterator[str]:
    """Yield which groups of batches exclude this one."""
    if rules.conflicts:
        names = joined(rules.conflicts)
        yield _("与“%(names)s”各券不可同享，领取其一后不能再领另一类") % {"names": names}


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
