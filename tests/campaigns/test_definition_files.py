"""Definition files: reading, checking with paths in words, and the way out and in again."""

import json
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from campaigns.definition.document import Definition, definition_build
from campaigns.definition.reading import definition_read
from campaigns.definition.writing import definition_scaled, definition_write
from campaigns.errors import DefinitionInvalidError
from campaigns.management.commands.campaign_schema import FILE, schema_text
from campaigns.models import Campaign
from core.canonical import canonical_json
from tests.factories.definitions import document_make

pytestmark = pytest.mark.django_db
DEMO = Path(settings.BASE_DIR) / "campaigns" / "definitions" / "guangxi-33-demo.yaml"


def problems(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(document)
    return [(one.name, str(one.reason)) for one in refused.value.invalid_params]


def demo() -> Definition:
    return definition_build(definition_read(DEMO.read_bytes(), DEMO.name))


def test_the_published_schema_is_current() -> None:
    assert (Path(settings.BASE_DIR) / FILE).read_text(encoding="utf-8") == schema_text()


def test_the_demonstration_programme_is_the_published_one() -> None:
    definition = demo()
    batches = definition.values["batches"]
    assert [(b.name, b.units, b.face_fen, len(b.releases)) for b in batches] == [
        ("满5减1", 6_000, 100, 9),
        ("满10减2", 4_500, 200, 9),
        ("满50减10", 6_500, 1_000, 9),
        ("满100减20", 1_000, 2_000, 9),
    ]
    assert sum(b.units for b in batches) == 18_000
    assert sum(b.units * b.face_fen for b in batches) == 10_000_000
    assert sum(funder.quota_fen for funder in definition.spec.funders) == 10_000_000
    for batch in batches:
        assert sum(release.units for release in batch.releases) == batch.units
        assert {release.slot.isoweekday() for release in batch.releases} == {5, 6, 7}
        assert {f"{release.slot:%H:%M}" for release in batch.releases} == {"08:00"}
    assert [line.mark for line in definition.spec.announced] == ["下期", "下期"]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_export_and_import_round_trip(form: Any) -> None:
    document = demo().document()
    text = definition_write(document, form)
    again = definition_build(definition_read(text.encode(), f"x.{form}")).document()
    assert canonical_json(again) == canonical_json(document)


def test_commands_load_and_export_the_same_canonical_form(tmp_path: Path) -> None:
    out = StringIO()
    call_command("campaign_load", str(DEMO), stdout=out)
    call_command(
        "campaign_export", "guangxi-33-demo", "--format", "json", stdout=(text := StringIO())
    )
    path = tmp_path / "again.json"
    path.write_text(text.getvalue(), encoding="utf-8")
    before = Campaign.objects.get(code="guangxi-33-demo").draft
    call_command("campaign_load", str(path), stdout=out)
    assert Campaign.objects.get(code="guangxi-33-demo").draft == before
    call_command("campaign_check", str(path), stdout=(checked := StringIO()))
    assert checked.getvalue().startswith("guangxi-33-demo  ")


def test_commands_name_the_path(tmp_path: Path) -> None:
    document = document_make()
    document["batches"][0]["funders"]["stranger"] = 1
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(
        CommandError, match=r"batches\[0\]\.funders\.stranger: 活动中没有这个出资方"
    ):
        call_command("campaign_load", str(path), stdout=StringIO())
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: &x [1]\nb: *x\n", "不支持锚点（&）"),
        (b"a: 1\na: 2\n", "字段重复：a"),
        (b"a: !!python/object/apply:os.system ['true']\n", "YAML 无法解析"),
        (b"1: x\n", "字段名应为文本"),
        (b"- 1\n", "文件内容应为一个对象"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 5_000, "嵌套过深"),
        (b"a: " + b"[" * 30 + b"]" * 30, "嵌套过深"),
        (b"x" * (3 << 20), "文件超过"),
    ],
)
def test_hostile_yaml_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_read(content, "x.yaml")
    assert reason in str(refused.value.invalid_params[0].reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1, "a": 2}', "字段重复：a"),
        (b'{"a": 1.5}', "不接受小数"),
        (b'{"a": NaN}', "不接受小数"),
        (b"{", "JSON 无法解析"),
        (b"[" * 100_000, "JSON 无法解析"),
    ],
)
def test_hostile_json_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_read(content, "x.json")
    assert reason in str(refused.value.invalid_params[0].reason)


def test_dates_and_numbers_in_yaml_stay_what_they_are_written_as() -> None:
    read = definition_read(b"a: 2026-03-06\nb: 0123\nc: yes\nd: 12\ne: true\nf: 1.5\n", "x.yaml")
    assert read == {"a": "2026-03-06", "b": "0123", "c": "yes", "d": 12, "e": True, "f": "1.5"}


def test_every_difference_to_the_schema_is_named() -> None:
    document = document_make(owner_region=450000, colour="red")
    del document["title"]
    document["batches"][0]["face_fen"] = "30"
    document["batches"][0]["releases"][0]["slot"] = "2026-03-06T08:00:00"
    assert problems(document) == [
        ("title", "缺少必填字段"),
        ("colour", "没有这个字段"),
        ("batches[0].face_fen", "类型应为整数"),
        ("batches[0].releases[0].slot", "应为带时区的时间，如 2026-03-06T08:00:00+08:00"),
        ("owner_region", "类型应为文本（加引号）"),
    ]


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


def test_a_calendar_is_expanded_before_approval() -> None:
    document = document_make()
    batch = document["batches"][0]
    del batch["releases"]
    batch["calendar"] = {
        "weekdays": [5],
        "dates": ["2026-03-07"],
        "times": ["20:00", "08:00"],
        "units": 100,
        "open_hours": 4,
    }
    canonical = definition_build(document).document()["batches"][0]
    assert canonical["calendar"] is None
    assert [(one["slot"], one["units"]) for one in canonical["releases"][:4]] == [
        ("2026-03-06T08:00:00+08:00", 10),
        ("2026-03-06T20:00:00+08:00", 10),
        ("2026-03-07T08:00:00+08:00", 10),
        ("2026-03-07T20:00:00+08:00", 10),
    ]
    assert canonical["releases"][1]["closes_at"] == "2026-03-07T00:00:00+08:00"
    assert len(canonical["releases"]) == 10


def test_another_size_keeps_every_identity() -> None:
    small = definition_scaled(demo(), Fraction(1, 100))
    batches = small.values["batches"]
    assert [(b.units, sum(r.units for r in b.releases)) for b in batches] == [
        (60, 60),
        (45, 45),
        (65, 65),
        (10, 10),
    ]
    assert sum(funder.quota_fen for funder in small.spec.funders) == 100_000
    assert definition_scaled(demo(), Fraction(1)).document() == demo().document()
