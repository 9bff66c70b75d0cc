"""What a definition must hold in itself: every rule of its batches, and between batches."""

import json
from typing import Any

import pytest

from campaigns.definition.document import definition_build
from campaigns.errors import DefinitionInvalidError
from tests.campaigns.test_definition_files import problems
from tests.factories.definitions import document_make

pytestmark = pytest.mark.django_db


def batch_with(**changes: Any) -> dict[str, Any]:
    document = document_make()
    document["batches"][0] |= changes
    return document


def rules_with(**changes: Any) -> dict[str, Any]:
    document = document_make()
    document["batches"][0]["rules"] |= changes
    return document


LIMIT = document_make()["batches"][0]["rules"]["limits"][0]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (document_make(regions=["150000"]), ("regions[0]", "不在归属地区之内")),
        (document_make(regions=["459999"]), ("regions[0]", "行政区划代码不存在：459999")),
        (
            document_make(ends_at="2026-03-06T00:00:00+08:00"),
            ("ends_at", "结束时间应晚于开始时间"),
        ),
        (document_make(records=["nowhere-1999"]), ("records[0]", "没有这条公开记录")),
        (
            document_make(illustrative=[{"path": "batches[*].colour", "note": "示意"}]),
            ("illustrative[0].path", "方案中没有这个路径"),
        ),
        (
            batch_with(funders={"treasury": 1, "bank": 9_999}),
            ("batches[0].funders.treasury", "每张券的出资份额不足 1 分"),
        ),
        (
            batch_with(budget={"treasury": 199_999, "bank": 70_000, "merchants": 30_000}),
            (
                "batches[0].budget.treasury",
                "批次预算 1999.99 元低于面额×张数所需的 2000.00 元",
            ),
        ),
        (
            batch_with(units=101, releases=[{"slot": "2026-03-06T08:00:00+08:00", "units": 1}]),
            ("funders[0].quota_fen", "预算额度 2000.00 元低于各批次预算合计 2020.00 元"),
        ),
        (
            rules_with(benefit={"type": "THRESHOLD", "threshold_fen": 2_999}),
            ("batches[0].rules.benefit.threshold_fen", "使用门槛不得低于面额"),
        ),
        (
            rules_with(benefit={"type": "THRESHOLD", "threshold_fen": 10_000, "face_multiple": 3}),
            ("batches[0].rules.benefit.threshold_fen", "与面额的倍数（face_multiple）不一致"),
        ),
        (
            rules_with(benefit={"type": "THRESHOLD", "face_multiple": 0}),
            ("batches[0].rules.benefit.face_multiple", "应为正整数"),
        ),
        (
            rules_with(limits=[LIMIT | {"keys": ["MOBILE"]}]),
            ("batches[0].rules.limits[0].keys", "必须包含证件（DOCUMENT）"),
        ),
        (
            rules_with(limits=[LIMIT | {"scope": "GROUP"}]),
            ("batches[0].rules.limits[0].scope", "本批次未归入任何组（group）"),
        ),
        (
            rules_with(
                limits=[LIMIT, LIMIT | {"code": "u", "side": "REDEMPTION", "window": "WAVE"}]
            ),
            ("batches[0].rules.limits[1].window", "每轮限制只用于本批次的领取（CLAIM、BATCH）"),
        ),
        (
            rules_with(limits=[LIMIT | {"scope": "CAMPAIGN", "window": "WAVE"}]),
            ("batches[0].rules.limits[0].window", "每轮限制只用于本批次的领取（CLAIM、BATCH）"),
        ),
        (
            rules_with(limits=[LIMIT | {"code": "@food"}]),
            ("batches[0].rules.limits[0].code", "应为 1–39 个字符，且不含冒号与@"),
        ),
        (
            rules_with(validity={"mode": "MONTH_END", "starts": "NEXT_DAY"}),
            ("batches[0].rules.validity.starts", "该有效期方式不能次日生效"),
        ),
        (
            rules_with(validity={"mode": "NATURAL_DAYS", "value": 1, "starts": "NEXT_DAY"}),
            ("batches[0].rules.validity.starts", "该有效期方式不能次日生效"),
        ),
        (
            rules_with(group="餐饮", conflicts=["加油", "加油"]),
            ("batches[0].rules.conflicts", "不得重复"),
        ),
        (
            rules_with(conflicts=["food"]),
            ("batches[0].rules.conflicts", "本批次未归入任何组（group）"),
        ),
        (
            rules_with(group="fuel", conflicts=["food"]),
            ("batches[0].rules.conflicts", "没有这个组：food"),
        ),
        (rules_with(limits=[]), ("batches[0].rules.limits", "至少应有一条限领规则")),
        (
            rules_with(validity={"mode": "HOURS"}),
            ("batches[0].rules.validity.value", "应为正整数"),
        ),
        (
            rules_with(validity={"mode": "ROUND_END", "value": 7}),
            (
                "batches[0].rules.validity",
                "按使用周期的有效期只填写首个周期的开始时间（fixed_from）",
            ),
        ),
        (
            rules_with(
                validity={
                    "mode": "ROUND_END",
                    "value": 7,
                    "fixed_from": "2026-03-05T23:59:59+08:00",
                }
            ),
            ("batches[0].rules.validity.fixed_from", "首个周期应在活动期间之内开始"),
        ),
        (
            rules_with(validity={"mode": "MONTH_END", "value": 1}),
            ("batches[0].rules.validity.value", "该有效期方式不使用此字段"),
        ),
        (
            rules_with(use={"hours": [{"opens": "24:00"}]}),
            ("batches[0].rules.use.hours[0].opens", "开始时间应早于24:00"),
        ),
        (
            rules_with(use={"hours": [{"weekdays": [5, 5]}]}),
            ("batches[0].rules.use.hours[0].weekdays", "不得重复"),
        ),
        (
            rules_with(use={"regions": ["150102"]}),
            ("batches[0].rules.use.regions[0]", "不是活动地区内的行政区划代码"),
        ),
        (
            rules_with(location={"at_claim": True, "regions": ["990000"]}),
            ("batches[0].rules.location.regions[0]", "不是行政区划代码"),
        ),
        (
            rules_with(location={"at_use": True, "regions": ["440000", "440000"]}),
            ("batches[0].rules.location.regions[1]", "重复：440000"),
        ),
        (
            rules_with(location={"regions": ["440000"]}),
            (
                "batches[0].rules.location.regions",
                "未要求位置（at_claim、at_use），不使用此字段",
            ),
        ),
        (
            batch_with(releases=[{"slot": "2026-04-01T00:00:00+08:00", "units": 1}]),
            ("batches[0].releases[0].slot", "投放时点应在活动期间之内"),
        ),
        (
            batch_with(releases=[{"slot": "2026-03-06T08:00:00+08:00", "units": 101}]),
            ("batches[0].releases", "投放张数合计超过计划张数"),
        ),
        (
            batch_with(releases=[]),
            ("batches[0].releases", "投放计划（releases 或 calendar）须且只须填写一种"),
        ),
    ],
)
def test_every_rule_of_a_definition_is_kept(
    document: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert expected in problems(document)


def two_batches() -> dict[str, Any]:
    """Return a document with two batches of fifty vouchers each."""
    document = document_make()
    document["batches"][0]["units"] = 50
    document["batches"][0]["releases"] = [{"slot": "2026-03-06T08:00:00+08:00", "units": 50}]
    document["batches"].append(json.loads(json.dumps(document["batches"][0])) | {"code": "b2"})
    return document


def test_groups_exclude_each_other_both_ways() -> None:
    document = two_batches()
    first, second = document["batches"]
    first["rules"] |= {"group": "food", "conflicts": ["fuel"]}
    second["rules"] |= {"group": "fuel"}
    assert problems(document) == [("batches[0].rules.conflicts", "互斥须双方都写明：fuel")]
    second["rules"]["conflicts"] = ["food"]
    built = definition_build(document).document()
    assert built["batches"][1]["rules"]["conflicts"] == ["food"]


def test_groups_that_exclude_each_other_count_on_the_same_keys() -> None:
    document = two_batches()
    first, second = document["batches"]
    first["rules"] |= {"group": "餐饮", "conflicts": ["加油"]}
    second["rules"] |= {"group": "加油", "conflicts": ["餐饮"]}
    definition_build(document)
    second["rules"]["limits"] = [LIMIT | {"code": "own", "keys": ["DOCUMENT"]}]
    reason = "互斥各批次的限领须按相同的标识计算"
    assert problems(document) == [
        ("batches[0].rules.conflicts", reason),
        ("batches[1].rules.conflicts", reason),
    ]


def test_a_limit_of_a_group_is_written_in_every_batch_of_it() -> None:
    document = two_batches()
    first, second = document["batches"]
    first["rules"]["group"] = second["rules"]["group"] = "餐饮"
    first["rules"]["limits"] = [LIMIT, LIMIT | {"code": "food", "scope": "GROUP"}]
    assert problems(document) == [("batches[1].rules.limits", "缺少本组的合计限制：food")]
    second["rules"]["limits"] = first["rules"]["limits"]
    definition_build(document)


@pytest.mark.parametrize(
    "rules",
    [
        {"validity": {"mode": "NATURAL_DAYS", "value": 20_260_306}},
        {"limits": [LIMIT | {"count": 2**31}]},
        {"benefit": {"type": "THRESHOLD", "face_multiple": 10**6}},
        {"benefit": {"type": "PERCENTAGE"}},
        {"benefit": {"type": "PERCENTAGE", "rate_bp": 0}},
        {"benefit": {"type": "PERCENTAGE", "rate_bp": 10_000}},
        {"benefit": {"type": "PERCENTAGE", "rate_bp": 2_000, "face_multiple": 2}},
    ],
)
def test_numbers_that_no_rule_can_mean_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(DefinitionInvalidError):
        definition_build(rules_with(**rules))


def test_a_multiple_of_the_face_is_an_amount_in_the_canonical_form() -> None:
    """Hubei 2025: four times the face, after every discount."""
    benefit = {"type": "THRESHOLD", "face_multiple": 4, "basis": "AFTER_DISCOUNTS"}
    document = definition_build(rules_with(benefit=benefit)).document()
    assert document["batches"][0]["rules"]["benefit"] == benefit | {"threshold_fen": 12_000}
    assert definition_build(document).document() == document


def test_a_benefit_without_threshold_has_no_fields_of_one() -> None:
    document = definition_build(rules_with(benefit={"type": "NO_THRESHOLD"})).document()
    assert document["batches"][0]["rules"]["benefit"] == {"type": "NO_THRESHOLD"}
    with pytest.raises(DefinitionInvalidError):
        definition_build(rules_with(benefit={"type": "NO_THRESHOLD", "threshold_fen": 1}))


def test_a_percentage_has_its_cap_in_the_face_and_may_have_a_threshold_below_it() -> None:
    benefit = {"type": "PERCENTAGE", "rate_bp": 2_000, "threshold_fen": 1_000}
    document = definition_build(rules_with(benefit=benefit)).document()
    assert document["batches"][0]["rules"]["benefit"] == benefit | {
        "basis": "AFTER_MERCHANT_DISCOUNTS",
        "ceiling_fen": None,
    }
    assert definition_build(document).document() == document
    low = rules_with(benefit=benefit | {"ceiling_fen": 999})
    assert problems(low) == [("batches[0].rules.benefit.ceiling_fen", "价格上限不得低于使用门槛")]


def test_tiers_rise_and_the_highest_is_the_face() -> None:
    tiers = [{"from_fen": 10_000, "subsidy_fen": 1_000}, {"from_fen": 20_000, "subsidy_fen": 3_000}]
    document = definition_build(rules_with(benefit={"type": "TIERS", "tiers": tiers})).document()
    assert definition_build(document).document() == document
    path = "batches[0].rules.benefit.tiers"
    wrong = [tiers[1], tiers[0]]
    assert problems(rules_with(benefit={"type": "TIERS", "tiers": wrong})) == [
        (f"{path}[1]", "各档起点与补贴应逐档升高"),
        (f"{path}[1].subsidy_fen", "最高档补贴应等于面额"),
    ]
    dear = [{"from_fen": 3_000, "subsidy_fen": 3_000}]
    assert problems(rules_with(benefit={"type": "TIERS", "tiers": dear})) == [
        (f"{path}[0].subsidy_fen", "补贴应低于本档起点")
    ]


def test_a_limit_over_the_campaign_means_the_same_in_every_batch() -> None:
    document = document_make()
    other = json.loads(json.dumps(document["batches"][0])) | {"code": "b2", "units": 1}
    other["rules"]["limits"][0]["count"] = 2
    other["releases"] = other["releases"][:1]
    other["releases"][0]["units"] = 1
    document["batches"].append(other)
    assert problems(document) == [
        ("batches[1].rules.limits[0]", "与其他批次的同名限制不一致：per-day")
    ]
