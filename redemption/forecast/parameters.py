"""The parameters of the model: name, default, unit, bounds, and where the value comes from.

All are whole numbers, so that a result has one spelling. What has no published source says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from core.errors import InvalidParam, InvalidParametersError
from redemption.rehearsal.tiers import (
    AWAY,
    MISHAPS,
    NAMELESS,
    SECOND_TIER,
    THOUSAND,
    USED_SHARE,
)

PERMILLE: Final = noop("‰")
PEOPLE: Final = noop("人")
SECONDS: Final = noop("秒")
DAYS: Final = noop("天")
VISITS: Final = noop("次")
YUAN: Final = noop("元")
ASSUMED: Final = noop("示意假设，无公开来源")
REHEARSED: Final = noop("示意假设，与全流程演练相同")
MOST_PEOPLE: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: whole numbers from ``least`` to ``most`` in ``unit``.

    ``title``, ``unit`` and ``source`` are messages of the catalogue.
    """

    name: str
    title: str
    default: int
    unit: str
    most: int = THOUSAND
    least: int = 0
    source: str = ASSUMED


PARAMETERS: Final = (
    Parameter("persons", noop("参与人数（0 为按各轮张数推算）"), 0, PEOPLE, MOST_PEOPLE),
    Parameter("demand", noop("最大一轮到场人数与张数之比"), 1_500, PERMILLE, 100_000, 1),
    Parameter("return_share", noop("每轮到场人数占参与人数"), 500, PERMILLE, least=1),
    Parameter("opening_share", noop("到场者中开抢时到场的比例"), 800, PERMILLE),
    Parameter("burst_s", noop("开抢后到场的平均延迟"), 120, SECONDS, 86_400, 1),
    Parameter("linger_days", noop("其余到场者的平均延后天数"), 2, DAYS, 365, 1),
    Parameter("early", noop("提前到场的比例"), 10, PERMILLE),
    Parameter("again", noop("领到后再领一次的比例"), SECOND_TIER, PERMILLE, source=REHEARSED),
    Parameter("retry", noop("所选券已领完时改领同轮其他券的比例"), 300, PERMILLE),
    Parameter("away", noop("领取时不在活动地区的比例"), AWAY, PERMILLE, source=REHEARSED),
    Parameter("unverified", noop("未实名的比例"), NAMELESS, PERMILLE, source=REHEARSED),
    Parameter("outsiders", noop("来领定向券者不在定向人群名单内的比例"), 200, PERMILLE),
    Parameter("shared_device", noop("与他人共用设备的比例"), 20, PERMILLE, source=REHEARSED),
    Parameter(
        "use",
        noop("领券者中去使用的比例"),
        round(USED_SHARE * THOUSAND),
        PERMILLE,
        source=noop("示意：2022年公开核销率（按张数）61.1%，另计未成功的使用"),
    ),
    Parameter("hasty", noop("生效前就去使用的比例"), 20, PERMILLE),
    Parameter("comeback", noop("未用成后再去一次的比例"), 600, PERMILLE),
    Parameter("visits", noop("每张券最多去使用的次数"), 3, VISITS, 10, 1),
    Parameter("aim", noop("按使用门槛凑单的比例"), 850, PERMILLE),
    Parameter("ticket_catering", noop("餐饮平均订单"), 90, YUAN, 1_000_000, 1),
    Parameter("ticket_lodging", noop("住宿平均订单"), 320, YUAN, 1_000_000, 1),
    Parameter("ticket_supermarket", noop("超市平均订单"), 75, YUAN, 1_000_000, 1),
    Parameter("ticket_department_store", noop("百货平均订单"), 260, YUAN, 1_000_000, 1),
    Parameter("ticket_culture_tourism", noop("文旅平均订单"), 150, YUAN, 1_000_000, 1),
    Parameter("ticket_car", noop("汽车平均订单"), 150_000, YUAN, 10_000_000, 1),
    Parameter("ticket_appliance", noop("家电平均订单"), 2_600, YUAN, 1_000_000, 1),
    Parameter("ticket_other", noop("其他行业平均订单"), 120, YUAN, 1_000_000, 1),
    Parameter("ticket_sigma", noop("订单金额的对数标准差"), 800, PERMILLE, 3_000),
    Parameter("discount_share", noop("有商户优惠的订单比例"), 100, PERMILLE),
    Parameter("discount_rate", noop("商户优惠占订单金额"), 100, PERMILLE, 999),
    Parameter("customer_scans", noop("顾客扫商家收款码的比例"), 300, PERMILLE),
    Parameter("online", noop("线上支付的比例"), 100, PERMILLE),
    Parameter(
        "wrong_flow",
        noop("用错支付方式的比例"),
        MISHAPS["WRONG_FLOW"],
        PERMILLE,
        source=REHEARSED,
    ),
    Parameter(
        "wrong_card", noop("用错银行卡的比例"), MISHAPS["WRONG_CARD"], PERMILLE, source=REHEARSED
    ),
    Parameter("wrong_store", noop("到不适用门店的比例"), 15, PERMILLE),
    Parameter("away_at_use", noop("使用时不在活动地区的比例"), 5, PERMILLE),
    Parameter("excluded_goods", noop("订单含不适用商品的比例"), 5, PERMILLE),
)
BY_NAME: Final[Mapping[str, Parameter]] = {one.name: one for one in PARAMETERS}
SEED = 33
MOST_SEED = 2**31 - 1
SCALE_TITLE = gettext_lazy("抽样比例 1:N（0 为自动）")


def parameters_fill(given: Mapping[str, int]) -> dict[str, int]:
    """Return every parameter's value, the default where none is given.

    Raises:
        InvalidParametersError: a name is unknown, a value out of bounds (names the limit), or the
            shares of flows exceed the whole.
    """
    wrong = list(_wrong(given))
    values = {one.name: given.get(one.name, one.default) for one in PARAMETERS}
    if not wrong and values["customer_scans"] + values["online"] > THOUSAND:
        reason = _("各支付方式的比例合计不得超过 %(limit)s‰") % {"limit": THOUSAND}
        wrong.append(InvalidParam("online", reason, THOUSAND))
    if wrong:
        raise InvalidParametersError(invalid_params=wrong)
    return values


def parameters_parse(texts: Mapping[str, str]) -> dict[str, int]:
    """Read values written as text (``--param name=value``).

    Raises:
        InvalidParametersError: as `parameters_fill`, or a value is not a whole number.
    """
    values: dict[str, int] = {}
    wrong: list[InvalidParam] = []
    for name, text in texts.items():
        try:
            values[name] = int(text)
        except ValueError:
            wrong.append(InvalidParam(name, _("应为整数")))
    if wrong:
        raise InvalidParametersError(invalid_params=wrong)
    parameters_fill(values)
    return values


def parameter_words(parameter: Parameter) -> dict[str, Any]:
    """Return title, unit, bounds and source in the reader's language."""
    return {
        "name": parameter.name,
        "title": _(parameter.title),
        "unit": _(parameter.unit),
        "range": f"{parameter.least:,}–{parameter.most:,}",
        "source": _(parameter.source),
    }


def _wrong(given: Mapping[str, int]) -> Iterator[InvalidParam]:
    for name, value in given.items():
        parameter = BY_NAME.get(name)
        if parameter is None:
            yield InvalidParam(name, _("没有这个参数"))
        elif not parameter.least <= value <= parameter.most:
            reason = _("应在 %(least)s 至 %(most)s %(unit)s之间") % {
                "least": parameter.least,
                "most": parameter.most,
                "unit": _(parameter.unit),
            }
            limit = parameter.least if value < parameter.least else parameter.most
            yield InvalidParam(name, reason, limit)
