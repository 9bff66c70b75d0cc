"""What the checker of a version reads: nothing that changes goes unsaid, nothing is cut."""

import html
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.utils.translation import override

from campaigns.definition.diff import document_changes, passages_changes
from campaigns.definition.document import definition_build, definition_stored
from campaigns.models import Campaign, Version
from campaigns.services.descriptions import documents_words, fields_words
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.approvals.models import Approval
from core.approvals.registry import approval_kind
from core.passages import Passage
from tests.factories.approvals import approve, reject
from tests.factories.definitions import document_make
from tests.factories.rich_rules import BENEFITS, rich_document
from tests.factories.running import BEFORE, campaign_approved
from tests.factories.staff import staff_make
from tests.support.admin import Staff

pytestmark = pytest.mark.django_db
WAVE_KEPT = "2026-03-13 08:00：投放1张"
NOT_SAID = {"format", "face_multiple", "fixed_from", "fixed_until", "calendar", "trigger"}
"""A constant, a second spelling of the threshold, what this mode of validity refuses, a plan that
is always expanded into waves, and what only return vouchers have."""
NOT_ALONE = {("benefit", "type"), ("trigger", "source")}
"""What other fields have to follow."""

WORDS = (
    *("DRAW", "NO_SUCH", "REDEMPTION", "CLAIM", "CAMPAIGN", "BATCH", "WEEK", "MONTH", "CARD"),
    *("ORDER", "AFTER_DISCOUNTS", "NATURAL_DAYS_FROM_NEXT", "NEXT_DAY", "CASH_ONLY", "PROVINCE"),
    *("CITY", "PREFUNDED", "OPERATOR_ADVANCE", "NETWORK_CLEARED", "OPERATOR_AGREEMENT", "ONLINE"),
    *("FUEL", "LODGING", "NEXT_WAVE", "11:11", "a" * 64),
)
"""One of these fits wherever a value is a code, a time of day or a hash."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every single value of a document."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, (*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, (*path, index))
    else:
        yield path


def others(value: Any) -> Iterator[Any]:
    """Yield values that may stand in the place of this one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield 1 if value == 7 else value - 1
    elif value is None:
        yield "2026-03-29T09:00:00+08:00"
        yield 2
        yield {"persons": 8}
    elif isinstance(value, str):
        yield from _moments(value)
        yield from (f"{value}x", f"{value[:-1]}9", f"{value[:-1]}8", *WORDS)
        yield {"code": "teachers", "name": "教师"}


def _moments(value: str) -> Iterator[str]:
    try:
        yield (datetime.fromisoformat(value) + timedelta(days=1)).isoformat()
    except ValueError:
        return


def changed(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any] | None:
    """Return the document with another value at this path, None where nothing else fits."""
    for other in others(at(document, path)):
        copy = deepcopy(document)
        parent = at(copy, path[:-1])
        parent[path[-1]] = other
        try:
            if definition_stored(copy).document() != document:
                return copy
        except (msgspec.ValidationError, KeyError, ValueError):
            continue
    return None


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("kind", BENEFITS)
def test_whatever_changes_is_said_in_words_and_listed(kind: str) -> None:
    document = definition_build(rich_document(kind)).document()
    before = definition_stored(document).checked_words()
    tried = 0
    for path in leaves(document):
        if path[-1] in NOT_SAID or path[-2:] in NOT_ALONE:
            continue
        other = changed(document, path)
        assert other is not None, path
        tried += 1
        assert fields_words(document, other), path
        assert passages_changes(before, definition_stored(other).checked_words()), path
    assert tried > 100


def lines_of(words: list[Any]) -> dict[str, tuple[str, ...]]:
    return {one.title: one.lines for one in words if isinstance(one, Passage)}


def next_version(document: dict[str, Any]) -> tuple[Approval, list[Any]]:
    """Draft and submit a version; return its approval and what its checker reads."""
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign = campaign_draft_save(document=document, actor=maker, now=BEFORE)
    approval = campaign_submit(campaign_id=campaign.pk, actor=maker, now=BEFORE)
    return approval, words(approval)


def words(approval: Approval) -> list[Any]:
    return list(
        approval_kind(approval.kind).describe(approval.subject_id, approval.payload),
    )


def test_the_first_version_is_said_whole() -> None:
    _approval, said = next_version(document_make())
    found = lines_of(said)
    assert list(found) == ["活动", "出资方", "报批材料", "满100减30"]
    assert "自治区财政（自治区/省，预拨）：预算额度 2000.00 元" in found["出资方"]
    batch = found["满100减30"]
    for line in (
        "满100元减30元，按订单金额计算",
        "自治区财政：出资比例 200/300，批次预算 2000.00 元",
        "2026-03-06 08:00：投放60张，领完为止",
        "2026-03-13 08:00：投放40张，领完为止",
        "占用时限：收银台 120 秒，线上 900 秒",
    ):
        assert line in batch, line


def test_a_later_version_says_what_it_changes_and_nothing_else() -> None:
    campaign_approved()
    document = document_make()
    (batch,) = document["batches"]
    batch["rules"]["validity"]["value"] = 48
    batch["rules"]["use"] = {"flows": ["MERCHANT_SCANS"]}
    batch["releases"].insert(0, {"slot": "2026-03-06T07:00:00+08:00", "units": 20})
    batch["releases"][2]["units"] = 20
    document["batches"].append(batch | {"code": "b2", "name": "第二档", "units": 1, "releases": []})
    document["batches"][1]["releases"] = [{"slot": "2026-03-07T08:00:00+08:00", "units": 1}]
    for funder, fen in zip(document["funders"], (2_000, 700, 300), strict=True):
        funder["quota_fen"] += fen
    approval, said = next_version(document)
    found = lines_of(said)
    assert list(found) == ["出资方", "满100减30", "第二档"]
    assert (
        "修改：自治区财政（自治区/省，预拨）：预算额度 2000.00 元 → "
        "自治区财政（自治区/省，预拨）：预算额度 2020.00 元"
    ) in found["出资方"]
    assert set(found["满100减30"]) == {
        "修改：投放计划：2026-03-06至2026-03-13每周五 08:00，共2轮100张，领完为止 → "
        "投放计划：2026-03-13 08:00，共1轮20张，领完为止",
        "新增：投放计划：2026-03-06 07:00、08:00，共2轮80张，领完为止",
        "修改：领取后72小时内有效，且不晚于活动结束时间 → 领取后48小时内有效，且不晚于活动结束时间",
        "新增：使用方式：商家扫顾客（付款码）",
        "新增：2026-03-06 07:00：投放20张，领完为止",
        "修改：2026-03-13 08:00：投放40张，领完为止 → 2026-03-13 08:00：投放20张，领完为止",
    }
    assert all(line.startswith("新增：") for line in found["第二档"])
    fields = approval_kind(approval.kind).fields(approval.subject_id, approval.payload)
    first = "batches[b1].releases"
    assert f"{first}[2026-03-13T08:00:00+08:00].units：40 → 20" in fields
    assert "batches[b1].rules.validity.value：72 → 48" in fields
    assert not [line for line in fields if str(line).startswith(f"{first}[2026-03-06T08")]


def test_a_batch_taken_out_is_said() -> None:
    document = document_make()
    (batch,) = document["batches"]
    old = definition_build(
        document | {"batches": [batch | {"units": 50, "releases": batch["releases"][1:]}, _twin()]}
    )
    new = definition_build(
        document | {"batches": [batch | {"units": 50, "releases": batch["releases"][1:]}]}
    )
    (said,) = documents_words(old.document(), new.document())
    assert isinstance(said, Passage)
    assert said.title == "另一档"
    assert all(line.startswith("删除：") for line in said.lines)


def _twin() -> dict[str, Any]:
    (batch,) = document_make()["batches"]
    waves = [{"slot": "2026-03-20T08:00:00+08:00", "units": 10}]
    return dict(batch) | {"code": "b2", "name": "另一档", "units": 10, "releases": waves}


def test_a_checker_who_reads_english_is_told_of_the_bureaus_chinese_text() -> None:
    old = definition_build(document_make(rules_text="先到先得。")).document()
    new = definition_build(document_make(rules_text="先到先得。\n不予补发。")).document()
    with override("en"):
        (said,) = documents_words(old, new)
    assert said == Passage("own_text", "Notice of the organiser", ("Added: 不予补发。",))


def test_another_order_of_funders_is_said() -> None:
    document = definition_build(document_make()).document()
    other = document | {"funders": list(reversed(document["funders"]))}
    assert documents_words(document, other) == ["文字相同，仅有逐项所列的改动"]
    assert fields_words(document, other) == [
        'funders：["treasury","bank","merchants"] → ["merchants","bank","treasury"]'
    ]
    old = {"funders": [{"code": "a", "n": 1}, {"code": "b", "n": 2}]}
    new = {"funders": [{"code": "b", "n": 2}, {"code": "a", "n": 1}]}
    assert list(document_changes(old, new)) == [("funders", ["a", "b"], ["b", "a"])]


def test_nothing_is_cut_of_a_long_plan() -> None:
    campaign_approved()
    document = document_make()
    (batch,) = document["batches"]
    start = datetime.fromisoformat("2026-03-07T00:00:00+08:00")
    batch["units"] = 400
    for funder in document["funders"]:
        funder["quota_fen"] *= 4
    batch["releases"] = [
        {"slot": (start + timedelta(hours=n)).isoformat(), "units": 1} for n in range(400)
    ]
    document["rules_text"] = "说" * 2_000
    approval, _said = next_version(document)
    page = _approval_page(approval)
    assert "删除：2026-03-06 08:00：投放60张，领完为止" in page
    slots = {f"{start + timedelta(hours=n):%Y-%m-%d %H:%M}：投放1张" for n in range(400)}
    # One wave stands where there was one before: it is changed, not new.
    assert [slot for slot in slots if f"新增：{slot}" not in page] == [WAVE_KEPT]
    assert f"修改：2026-03-13 08:00：投放40张，领完为止 → {WAVE_KEPT}" in page
    assert "说" * 2_000 in page
    assert "…" not in page.partition("逐项改动")[2].partition("</ul>")[0]


def _approval_page(approval: Approval) -> str:
    reader = Staff.of(Role.AUDITOR)
    return html.unescape(reader.html(reader.page_url(approval)))


def test_a_decided_approval_still_says_what_it_was_about() -> None:
    campaign_approved()
    document = document_make(title="更名")
    approval, said = next_version(document)
    approve(approval, now=BEFORE)
    assert words(approval) == said
    rejected, refused = next_version(document_make(title="再更名"))
    reject(rejected, now=BEFORE)
    assert words(rejected) == refused
    third, thirds = next_version(document_make(title="第三次更名"))
    approve(third, now=BEFORE)
    # The number of the rejected request was given again; its own document is gone.
    assert rejected.payload["number"] == third.payload["number"]
    assert words(rejected) == ["申请之后草稿已改动，申请时的内容不再保留"]
    assert words(approval) == said
    assert words(third) == thirds


def test_the_page_of_a_version_compares_it_with_the_one_before() -> None:
    campaign_approved()
    document = document_make()
    document["batches"][0]["rules"]["validity"]["value"] = 48
    approval, _said = next_version(document)
    approve(approval, now=BEFORE)
    reader = Staff.of(Role.AUDITOR)
    pages = {
        version.number: html.unescape(reader.html(reader.page_url(version)))
        for version in Version.objects.all()
    }
    assert "修改：领取后72小时内有效" in pages[2]
    assert "batches[b1].rules.validity.value：72 → 48" in pages[2]
    assert "修改：" not in pages[1]
    assert re.search(r"<strong>满100减30</strong>", pages[1])


def test_the_campaigns_page_shows_what_the_draft_changes() -> None:
    campaign = campaign_approved()
    campaign_draft_save(
        document=document_make(title="更名"), actor=staff_make(Role.CAMPAIGN_MAKER), now=BEFORE
    )
    reader = Staff.of(Role.AUDITOR)
    page = html.unescape(reader.html(reader.page_url(Campaign.objects.get(pk=campaign.pk))))
    assert "修改：活动名称：春季消费券 → 活动名称：更名" in page
    assert "title：春季消费券 → 更名" in page
