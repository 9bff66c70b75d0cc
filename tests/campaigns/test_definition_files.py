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
    assert checked.getvalue().startswith("方案符合要求：guangxi-33-demo  ")
    with pytest.raises(CommandError, match="没有这个用户：nobody"):
        call_command("campaign_load", str(path), "--user", "nobody")
    with pytest.raises(CommandError, match="guangxi-33-demo 没有已批准的第 9 版"):
        call_command("campaign_export", "guangxi-33-demo", "--number", "9")


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
