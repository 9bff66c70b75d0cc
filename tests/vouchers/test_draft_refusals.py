"""The draft page when it cannot save: what the top says, whose draft it is, what waits."""

import pytest
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from core.access.models import Role
from core.approvals.models import Approval
from tests.factories.definitions import document_make
from tests.factories.running import BEFORE, campaign_approved
from tests.factories.staff import staff_make
from tests.support.page_text import page_text
from tests.vouchers.test_draft_editor import CREATE, edit_url, form_data, login, saved

pytestmark = pytest.mark.django_db

CHANGED = "草稿已由他人修改，请重新打开 本次填写的内容未保存。"
WAITS = "方案正在复核，撤回后可修改"


def drafted() -> Campaign:
    return campaign_draft_save(document=document_make(), actor=None, now=BEFORE)


def test_the_top_says_how_many_places_are_wrong_and_leads_to_them() -> None:
    campaign, client = drafted(), login()
    before = saved()
    data = form_data(client.get(edit_url(campaign)))
    name = before["batches"][0]["name"]
    data |= {
        "campaign-title": "",
        "funders-1-quota_fen": "1.005",
        "batches-0-limits": "per-day",
        "batches-1-code": "b9",
    }
    html = client.post(edit_url(campaign), data).content.decode()
    text = page_text(html)
    blanks = ("批次名称", "计划张数", "面额（元）")
    assert "草稿未保存，有 6 处须更正" in text.lines
    assert text.table == [
        *("位置", "原因"),
        *("活动名称", "该字段是必填项。"),
        *("出资方 2 · 合作银行 · 预算额度（元）", "请输入金额，最多两位小数"),
        f"第 1 批 · {name} · 限领限用",
        "每行应有六项，次数为整数；第七项只可为“过期退回”",
        *(one for label in blanks for one in (f"第 2 批 · {label}", "该字段是必填项。")),
    ]
    for field in ("campaign-title", "funders-1-quota_fen", "batches-0-limits"):
        assert f'href="#id_{field}"' in html
        assert f'id="id_{field}"' in html
    assert saved() == before


def test_the_draft_that_somebody_else_saved_meanwhile_is_not_undone() -> None:
    campaign, first, second = drafted(), login(), login()
    data, late = (form_data(one.get(edit_url(campaign))) for one in (first, second))
    data["campaign-title"], late["campaign-rules_text"] = "甲的修改", "乙的修改"
    assert first.post(edit_url(campaign), data).status_code == 302
    before = saved()
    for _again in range(2):
        page = second.post(edit_url(campaign), late)
        assert CHANGED in page_text(page.content.decode()).lines
        late = form_data(page)
    assert saved() == before
    late = form_data(second.get(edit_url(campaign))) | {"campaign-rules_text": "乙的修改"}
    assert second.post(edit_url(campaign), late).status_code == 302
    assert (saved()["title"], saved()["rules_text"]) == ("甲的修改", "乙的修改")


def test_a_new_campaign_does_not_replace_another_one() -> None:
    campaign, client = drafted(), login()
    before = saved()
    data = form_data(client.get(edit_url(campaign)))
    data |= {"campaign-code": campaign.code, "campaign-owner_region": campaign.owner_region}
    data["campaign-title"] = "另一个活动"
    text = page_text(client.post(CREATE, data).content.decode())
    assert text.table == ["位置", "原因", "code", "已有使用此代码的活动"]
    assert saved() == before


def test_wide_signs_of_an_input_method_are_read_as_narrow_ones() -> None:
    campaign, client = drafted(), login()
    data = form_data(client.get(edit_url(campaign)))
    assert client.post(edit_url(campaign), data).status_code == 302
    before = saved()
    wide = str.maketrans(":,-0123456789", "：，－０１２３４５６７８９")
    names = ("funders", "budget", "limits", "releases")
    fields = [f"batches-0-{name}" for name in names] + ["campaign-starts_at", "campaign-ends_at"]
    data |= {name: data[name].translate(wide) for name in fields}
    data["campaign-title"] = "夏季：（一），"
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved() == before | {"title": "夏季：（一），"}


@pytest.mark.parametrize("is_first", [True, False])
def test_a_draft_that_waits_for_approval_has_no_buttons_and_says_why(*, is_first: bool) -> None:
    campaign = drafted() if is_first else campaign_approved()
    client = login()
    buttons = [
        reverse(f"admin:campaigns_campaign_{name}", args=(campaign.pk,))
        for name in ("edit", "submit")
    ]
    shown = reverse("admin:campaigns_campaign_change", args=(campaign.pk,))
    opened = form_data(client.get(edit_url(campaign))) | {"campaign-title": "下一版"}
    if not is_first:
        assert client.post(edit_url(campaign), opened).status_code == 302
    html = client.get(shown).content.decode()
    assert all(one in html for one in buttons)
    before = saved()
    maker = staff_make(Role.CAMPAIGN_MAKER)
    campaign_submit(campaign_id=campaign.pk, actor=maker, now=BEFORE)
    html = client.get(shown).content.decode()
    assert not any(one in html for one in buttons)
    page = client.get(edit_url(campaign), follow=True)
    assert page.redirect_chain == [(shown, 302)]
    assert WAITS in page.content.decode()
    late = client.post(edit_url(campaign), opened | {"campaign-title": "再下一版"})
    assert "已有待复核的申请" in page_text(late.content.decode()).lines
    assert saved() == before
    assert Approval.objects.filter(state="PENDING").count() == 1
