"""The rules of a batch in words, for the rules page of a campaign."""

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from core.clock import TIME_ZONE
from core.money import yuan_text
from vouchers.definition.model import BatchSpec
from vouchers.models.persons import KeyKind
from vouchers.rules.model import LimitRule, Validity


def batches_words(spec: CampaignSpec, batches: list[BatchSpec]) -> list[str]:
    """Return one line per batch and rule."""
    lines: list[str] = []
    for batch in batches:
        use = batch.rules.use
        parts = [
            _("满 %(threshold)s 元减 %(face)s 元，共 %(units)s 张")
            % {
                "threshold": yuan_text(batch.rules.benefit.threshold_fen),
                "face": yuan_text(batch.face_fen),
                "units": batch.units,
            },
            validity_words(batch.rules.validity),
        ]
        parts += [limit_words(limit) for limit in batch.rules.limits]
        if batch.rules.location.at_claim or batch.rules.location.at_use:
            parts.append(_("须在活动地区内定位"))
        if use.flows:
            flows = {
                "MERCHANT_SCANS": _("商家扫顾客（付款码）"),
                "CUSTOMER_SCANS": _("顾客扫商家（收款码）"),
                "ONLINE": _("线上"),
            }
            parts.append(
                _("限%(flows)s使用") % {"flows": "、".join(flows[flow] for flow in use.flows)}
            )
        if use.card_bins:
            parts.append(_("限 %(bins)s 开头的银行卡") % {"bins": "、".join(use.card_bins)})
        lines.append(f"{batch.name}：{'；'.join(parts)}。")
    lines.append(_("活动截止时间：%(until)s。") % {"until": _moment(spec)})
    return lines


def validity_words(rule: Validity) -> str:
    """Say how long a voucher may be used."""
    words = {
        "HOURS": _("领取后 %(value)s 小时内有效"),
        "CLAIM_DAY": _("领取当日有效"),
        "NATURAL_DAYS": _("自领取日起 %(value)s 个自然日内有效（含领取日）"),
        "NATURAL_DAYS_FROM_NEXT": _("自领取次日起 %(value)s 个自然日内有效"),
        "FIXED_WINDOW": _("在公布的使用期间内有效"),
        "CAMPAIGN_END": _("有效至活动结束"),
    }
    return words[rule.mode] % {"value": rule.value} + _("，不晚于活动结束")


def limit_words(rule: LimitRule) -> str:
    """Say how many are allowed, by which identity."""
    windows = {"DAY": _("每日"), "WEEK": _("每周"), "TOTAL": _("活动期间")}
    scopes = {"CAMPAIGN": _("全部档次合计"), "BATCH": _("本档次")}
    verb = _("领取") if rule.side == "CLAIM" else _("使用")
    keys = "、".join(str(KeyKind(kind).label) for kind in rule.keys)
    return _("每人%(window)s%(scope)s限%(verb)s %(count)s 张（按%(keys)s识别）") % {
        "window": windows[rule.window],
        "scope": scopes[rule.scope],
        "verb": verb,
        "count": rule.count,
        "keys": keys,
    }


def _moment(spec: CampaignSpec) -> str:
    return f"{spec.ends_at.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"
