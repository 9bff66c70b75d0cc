"""What a definition may name at all: years, and characters of its texts."""

from typing import Any

import pytest

from campaigns.definition.document import definition_build
from tests.campaigns.test_definition_files import problems
from tests.factories.definitions import document_make

pytestmark = pytest.mark.django_db
YEARS = "应在 2000 年至 2100 年之间"


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+08:00",
        "1999-12-31T23:59:59.999999+08:00",
        "2000-01-01T00:00:00+09:00",
        "2101-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_moments_outside_of_the_years_allowed_are_refused(moment: str) -> None:
    document = document_make(starts_at=moment)
    batch = document["batches"][0]
    batch["releases"] = [{"slot": moment, "units": 1, "closes_at": moment, "fall_back_at": moment}]
    batch["rules"]["validity"] |= {"fixed_from": moment, "fixed_until": moment}
    assert sorted(problems(document)) == [
        ("batches[0].releases[0].closes_at", YEARS),
        ("batches[0].releases[0].fall_back_at", YEARS),
        ("batches[0].releases[0].slot", YEARS),
        ("batches[0].rules.validity.fixed_from", YEARS),
        ("batches[0].rules.validity.fixed_until", YEARS),
        ("starts_at", YEARS),
    ]


def test_days_outside_of_the_years_allowed_are_refused() -> None:
    kept = {"kind": "FUNDING", "number": "1号", "date": "2100-12-31"}
    document = document_make(documents=[kept, kept | {"date": "0001-01-01"}])
    batch = document["batches"][0]
    del batch["releases"]
    batch["calendar"] = {"times": ["10:00"], "units": 100, "dates": ["2026-03-06", "9999-12-31"]}
    assert sorted(problems(document)) == [
        ("batches[0].calendar.dates[1]", YEARS),
        ("documents[1].date", YEARS),
    ]


def test_the_first_and_the_last_moment_are_allowed() -> None:
    ends: dict[str, Any] = {
        "starts_at": "2000-01-01T00:00:00+08:00",
        "ends_at": "2100-12-31T23:59:59+08:00",
    }
    document = definition_build(document_make(**ends)).document()
    assert {name: document[name] for name in ends} == ends


@pytest.mark.parametrize(
    "sign", ["\n", "\x0b", "\x1f", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]
)
def test_texts_are_one_line(sign: str) -> None:
    document = document_make(title=f"消费券{sign}二期", sources=["a", f"b{sign}"])
    batch = document["batches"][0]
    batch["name"] = f"满100{sign}减30"
    batch["rules"]["audience"] = {"code": "a", "name": f"老人{sign}们", "contact": f"社区{sign}处"}
    batch["budget"] = {f"treasury{sign}": 1}
    reason = f"不能含换行或控制字符：U+{ord(sign):04X}"
    assert sorted(problems(document)) == [
        ("batches[0].budget", reason),
        ("batches[0].name", reason),
        ("batches[0].rules.audience.contact", reason),
        ("batches[0].rules.audience.name", reason),
        ("sources[1]", reason),
        ("title", reason),
    ]


def test_a_name_of_goods_is_one_line() -> None:
    document = document_make()
    goods = [{"sku": "690", "name": "五常\u2028商品 1 大米"}]
    document["batches"][0]["rules"]["use"] = {"excluded_items": goods}
    assert problems(document) == [
        ("batches[0].rules.use.excluded_items[0].name", "不能含换行或控制字符：U+2028")
    ]


@pytest.mark.parametrize("title", [" 消费券", "消费券\u3000"])
def test_texts_have_no_blanks_around_them(title: str) -> None:
    assert problems(document_make(title=title)) == [("title", "首尾不能有空白")]


def test_the_text_in_lines_is_kept_with_line_feeds() -> None:
    document = definition_build(document_make(rules_text="\n\r\n 一\r\n\t二\r三\n")).document()
    assert document["rules_text"] == " 一\n\t二\n三\n"
    assert problems(document_make(rules_text="一\x0b二")) == [
        ("rules_text", "不能含换行或控制字符：U+000B")
    ]
