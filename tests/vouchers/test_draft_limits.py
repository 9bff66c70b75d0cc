"""What the draft page refuses or passes on unchanged, whatever is sent to it."""

from copy import deepcopy
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.admin.editor_sets import MAX_ROWS
from campaigns.services.drafts import campaign_draft_save
from tests.factories.definitions import document_make
from tests.factories.running import BEFORE
from tests.vouchers.test_draft_editor import edit_url, form_data, login, saved

pytestmark = pytest.mark.django_db


class Draft:
    """The draft page of one campaign, and what a browser would send from it."""

    def __init__(self, **changes: object) -> None:
        document = document_make(**changes)
        self.campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
        self.client: Client = login()
        self.before = saved()

    def refused(self, **changes: str) -> str:
        """Send the page with changes of the first batch; the page of the refusal."""
        data = form_data(self.client.get(edit_url(self.campaign)))
        data |= {f"batches-0-{name}": value for name, value in changes.items()}
        page = self.client.post(edit_url(self.campaign), data)
        assert page.status_code == 200
        assert saved() == self.before
        return page.content.decode()


def many(count: int) -> dict[str, Any]:
    """Batches and funders of a document with so many batches."""
    document = document_make()
    for funder in document["funders"]:
        funder["quota_fen"] *= count
    (batch,) = document["batches"]
    batches = [deepcopy(batch) | {"code": f"b-{n}"} for n in range(count)]
    return {"funders": document["funders"], "batches": batches}


@pytest.mark.parametrize("year", ["0001", "1999", "2101", "9999"])
@pytest.mark.parametrize("field", ["fixed_from", "fixed_until", "releases"])
def test_a_moment_no_definition_may_name_is_refused_with_the_limit(field: str, year: str) -> None:
    typed = f"{year}-01-01 00:00" + (" 50" if field == "releases" else "")
    assert "应在 2000 年至 2100 年之间" in Draft().refused(**{field: typed})


def test_a_request_cannot_make_the_page_longer() -> None:
    draft = Draft()
    url = edit_url(draft.campaign)
    sent = form_data(draft.client.get(url)) | {"batches-TOTAL_FORMS": "9999"}
    page = draft.client.post(url, sent)
    assert page.status_code == 200
    assert "最多 60 行，未保存；更多的行请用方案文件编辑" in page.content.decode()
    sets = [group["formset"] for group in page.context["groups"]]
    assert [len(one.forms) for one in sets] == [4, 5, 2]
    assert saved() == draft.before


def test_a_draft_longer_than_the_page_is_edited_by_file() -> None:
    draft = Draft(**many(MAX_ROWS + 1))
    url = edit_url(draft.campaign)
    for page in (draft.client.get(url), draft.client.post(url, {"campaign-title": "改名"})):
        assert page.status_code == 200
        text = page.content.decode()
        assert "本页每项列表最多 60 行，此草稿超出，请用方案文件编辑" in text
        for name, args in (("download", (draft.campaign.pk,)), ("upload", ())):
            assert f'href="{reverse(f"admin:campaigns_campaign_{name}", args=args)}"' in text
    assert saved() == draft.before


def test_the_longest_draft_of_the_page_is_saved_unchanged() -> None:
    draft = Draft(**many(MAX_ROWS))
    url = edit_url(draft.campaign)
    assert draft.client.post(url, form_data(draft.client.get(url))).status_code == 302
    assert saved() == draft.before


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            {"benefit": "NO_THRESHOLD", "threshold_fen": "100", "min_fen": "5"},
            "无门槛券不使用以下各项，请清空：最低减免（元）、使用门槛（元）",
        ),
        (
            {"benefit": "PERCENTAGE", "rate": "20", "threshold_fen": "", "face_multiple": "4"},
            "折扣券不使用以下各项，请清空：门槛为面额的倍数",
        ),
        (
            {"benefit": "THRESHOLD", "rate": "20", "ceiling_fen": "50"},
            "满减券不使用以下各项，请清空：减免比例（%）、价格上限（元）",
        ),
        (
            {"benefit": "RANDOM", "min_fen": "1", "tiers": "100 1"},
            "随机立减不使用以下各项，请清空：各档",
        ),
        (
            {"benefit": "TIERS", "tiers": "100 1", "threshold_fen": "", "item": "690 1 大米"},
            "阶梯满减券不使用以下各项，请清空：兑换商品",
        ),
        (
            {"benefit": "EXCHANGE", "item": "690 1 大米", "threshold_fen": "", "parts": "b1 1"},
            "兑换券不使用以下各项，请清空：券包内容",
        ),
        (
            {"benefit": "PACK", "parts": "b1 1", "threshold_fen": "1"},
            "券包不使用以下各项，请清空：使用门槛（元）",
        ),
    ],
)
def test_what_the_kind_of_benefit_does_not_use_is_refused(typed: dict[str, str], said: str) -> None:
    assert said in Draft().refused(**typed)


def test_line_breaks_of_a_browser_change_nothing() -> None:
    rules = " 第一条\n\n 第二条\n" + "字" * 3987
    draft = Draft(rules_text=rules)
    url = edit_url(draft.campaign)
    sent = form_data(draft.client.get(url))
    assert sent["campaign-rules_text"].startswith(" 第一条\r\n\r\n")
    assert draft.client.post(url, sent).status_code == 302
    assert saved() == draft.before


def test_only_line_breaks_end_a_line_of_a_list() -> None:
    page = Draft().refused(excluded_items="商品 690 五常\u2028商品 1 大米")
    assert "batches[0].rules.use.excluded_items[0].name" in page
    assert "不能含换行或控制字符：U+2028" in page
