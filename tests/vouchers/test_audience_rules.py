"""The audience in a definition: read, checked, written again, and asked for by going live."""

from copy import deepcopy
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from campaigns.definition.document import definition_build
from campaigns.definition.reading import definition_read
from campaigns.definition.writing import definition_write
from campaigns.errors import CampaignNotReadyError, DefinitionInvalidError
from campaigns.models import Campaign
from campaigns.services.lifecycle import campaign_go_live
from core.access.models import Role
from core.canonical import canonical_json
from tests.factories.audiences import agreed, audience_make, documents, list_made
from tests.factories.definitions import document_make
from tests.factories.merchants import NANNING, PROVINCE, store_make, terminal_make
from tests.factories.running import BEFORE, campaign_approved, whitelist_in_force
from tests.factories.staff import staff_make
from vouchers.models import BatchVersion
from vouchers.rules.model import rules_read

pytestmark = pytest.mark.django_db
SENIORS = {"code": "seniors", "name": "老年人", "contact": "社区"}


def document(audience: Any = SENIORS, **rules: Any) -> dict[str, Any]:
    made = document_make()
    made["batches"][0]["rules"] |= {"audience": deepcopy(audience), **rules}
    return made


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_it_goes_out_and_comes_in_as_it_is(form: Any) -> None:
    content = definition_build(document()).document()
    assert content["batches"][0]["rules"]["audience"] == SENIORS
    text = definition_write(content, form)
    again = definition_build(definition_read(text.encode(), f"x.{form}")).document()
    assert canonical_json(again) == canonical_json(content)
    everybody = definition_build(document("")).document()
    assert everybody == definition_build(document_make()).document()


@pytest.mark.parametrize(
    ("audience", "path", "reason"),
    [
        ("老年人", "", "类型应为对象"),
        ({"code": "seniors"}, ".name", "缺少必填字段"),
        ({"code": "X Y", "name": "老"}, ".code", "格式不符：^[a-z0-9][a-z0-9-]{0,39}$"),
        ({"code": "x", "name": "老" * 41}, ".name", "不能多于 40 项或字"),
        ({"code": "x", "name": "老", "snapshot": 1}, ".snapshot", "没有这个字段"),
        ({"code": "seniors", "name": "老人"}, ".name", "人群 seniors 登记的名称为“老年人”"),
    ],
)
def test_what_is_wrong_is_named(audience: Any, path: str, reason: str) -> None:
    audience_make(name="老年人")
    with pytest.raises(DefinitionInvalidError) as caught:
        definition_build(document(audience))
    assert [(one.name, one.reason) for one in caught.value.invalid_params] == [
        (f"batches[0].rules.audience{path}", reason)
    ]
    with pytest.raises(DefinitionInvalidError) as caught:
        definition_build(document(realname=False))
    assert [(one.name, one.reason) for one in caught.value.invalid_params] == [
        ("batches[0].rules.realname", "定向人群的批次须实名认证后领取")
    ]


def refusals(campaign: Campaign) -> list[tuple[str, str]]:
    with pytest.raises(CampaignNotReadyError) as refused:
        campaign_go_live(campaign_id=campaign.pk, actor=staff_make(Role.CAMPAIGN_MAKER), now=BEFORE)
    campaign.refresh_from_db()
    assert campaign.state == "APPROVED"
    return [(one.name, one.reason) for one in refused.value.invalid_params]


def test_a_campaign_goes_live_once_its_audience_has_an_approved_list(tmp_path: Any) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(definition_write(definition_build(document()).document(), "yaml"))
    audience_make("other", region=NANNING)
    campaign = campaign_approved(document())
    where, named = "batches[0].rules.audience", "定向人群“老年人”（seniors）"
    unknown = f"满100减30：本地区尚未登记{named}"
    assert refusals(campaign) == [(where, unknown)]
    call_command("campaign_check", str(path), stdout=(checked := StringIO()))
    assert f"尚不能上线：{where}：{unknown}" in checked.getvalue()
    audience = audience_make(name="老年人")
    waiting = f"满100减30：{named}还没有已批准的名单"
    assert refusals(campaign) == [(where, waiting)]
    snapshot = list_made(audience, documents(1), now=BEFORE)
    assert refusals(campaign) == [(where, waiting)]
    agreed(snapshot, now=BEFORE)
    store = store_make()
    terminal_make(store)
    whitelist_in_force(campaign, [store])
    campaign_go_live(campaign_id=campaign.pk, actor=staff_make(Role.CAMPAIGN_MAKER), now=BEFORE)
    campaign.refresh_from_db()
    assert campaign.state == "LIVE"
    rule = rules_read(BatchVersion.objects.get().rules).audience
    assert rule
    assert (rule.code, rule.name, rule.contact) == ("seniors", "老年人", "社区")


def test_an_audience_of_the_province_is_known_to_its_cities_and_none_to_others() -> None:
    other = document_make(code="city", owner_region="450200", regions=["450200"])
    other["batches"][0]["rules"]["audience"] = deepcopy(SENIORS)
    audience = audience_make(name="老年人", region=NANNING)
    agreed(list_made(audience, documents(1)))
    # A city's own list is not what the province's money waits for.
    for one in (document(), other):
        (problem,) = definition_build(one).not_ready()
        assert "尚未登记" in problem.reason
    above = audience_make("above", "老年人", region=PROVINCE)
    agreed(list_made(above, documents(1)))
    other["batches"][0]["rules"]["audience"]["code"] = "above"
    assert definition_build(other).not_ready() == []
