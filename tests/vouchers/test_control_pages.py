"""The pages of the control list: put forward, agreed to by somebody else, lifted the same way."""

from typing import Any

import pytest

from core.access.models import Client, Role
from core.approvals.models import Approval
from core.models import Case
from core.screening.services.engine import rules_run
from tests.factories.audiences import document_number, enrolled, mobile_number
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live, later
from tests.factories.claims import claim_command
from tests.factories.controls import control_agreed, control_made
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE, client_make
from tests.support.admin import Staff, said
from tests.support.moments import business_time_set
from vouchers.identity import identity_token
from vouchers.models import ControlEntry, IdentityKey
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> None:
    business_time_set(OPENED_AT)


def form(**others: str) -> dict[str, str]:
    return {
        "kind": "DOCUMENT",
        "document_type": "RESIDENT_ID",
        "number": document_number(1),
        "client": "",
        "owner_region": PROVINCE,
        "valid_from": "2026-03-06 08:00",
        "valid_until": "2026-03-20 00:00",
        "reason": "核查属实",
        **others,
    }


def codes(batch: Any, person: Any) -> list[str]:
    (outcome,) = vouchers_claim(commands=[claim_command(batch, person)])
    return [one.code for one in outcome.refusals]


def test_from_the_number_to_the_refusal_and_back() -> None:
    batch, (person,) = campaign_live(batches=[BatchPlan(limits=())]).batch, enrolled(None, [1])
    maker, checker = Staff.of(Role.RISK_MAKER), Staff.of(Role.RISK_CHECKER)
    assert "只存摘要，提交后不再显示" in maker.html(maker.add_url(ControlEntry))
    response = maker.add(ControlEntry, form())
    assert response.status_code == 302, response.content.decode()
    assert said(response) == ["已提交，待另一人复核，复核同意后生效"]
    entry = ControlEntry.objects.get()
    approval = Approval.objects.get(kind="voucher.control")
    tail = document_number(1)[-4:]
    for page in (maker.list_url(ControlEntry), maker.page_url(entry), maker.page_url(approval)):
        text = maker.html(page)
        assert f"****{tail}" in text
        assert document_number(1) not in text
    assert document_number(1) not in "".join(said(response))
    # The same person cannot agree, whatever he sends.
    assert maker.action(approval, "agree", comment="同意").status_code == 403
    entry.refresh_from_db()
    assert (entry.state, codes(batch, person)) == ("SUBMITTED", [])
    words = checker.html(checker.page_url(approval))
    for line in (
        f"对象：证件 ****{tail}",
        "管控地区：广西壮族自治区及其下辖地区主办的活动",
        "列入理由：核查属实",
    ):
        assert line in words
    assert checker.act(approval, "agree", comment="同意") == "已同意"
    assert codes(batch, person) == ["claim.risk_refused"]
    assert "管控中" in checker.html(checker.list_url(ControlEntry))
    assert checker.action(entry, "lift", reason="x").status_code == 403
    assert maker.act(entry, "lift", reason="申诉成立") == "已提交，待另一人复核"
    # While it waits nobody is offered to ask again.
    assert maker.action(entry, "lift", reason="申诉成立").status_code == 403
    assert maker.action_url(entry, "lift") not in maker.html(maker.page_url(entry))
    lifting = Approval.objects.get(kind="voucher.control_lift")
    assert maker.action(lifting, "agree", comment="同意").status_code == 403
    assert codes(batch, person) == ["claim.risk_refused"]
    assert checker.act(lifting, "agree", comment="同意") == "已同意"
    assert codes(batch, person) == []
    text = maker.html(maker.page_url(entry))
    assert "已解除" in text
    assert f"解除风控名单：证件 ****{tail}（广西壮族自治区）" in text


def test_a_rejection_ends_it() -> None:
    maker, checker = Staff.of(Role.RISK_MAKER), Staff.of(Role.RISK_CHECKER)
    assert maker.add(ControlEntry, form()).status_code == 302
    assert (
        checker.act(Approval.objects.get(kind="voucher.control"), "reject", reason="依据不足")
        == "已驳回"
    )
    assert "未通过" in maker.html(maker.list_url(ControlEntry))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"number": "450102195001010000"}, "证件号码不正确"),
        ({"number": ""}, "必填"),
        ({"kind": "MOBILE", "number": "123"}, "格式不正确"),
        ({"kind": "ACCOUNT", "number": "user-1"}, "渠道账户须选择渠道"),
        ({"kind": "OTHER"}, "选择一个有效的选项"),
        ({"document_type": ""}, "不支持的证件类型"),
        ({"owner_region": "110000"}, "选择一个有效的选项"),
        ({"valid_until": "2026-03-06 08:00"}, "应晚于起始时间和现在"),
        ({"valid_until": "soon"}, "输入一个有效的日期/时间"),
        ({"reason": ""}, "必填"),
        ({"reason": "试用：疑似倒卖 13800138000"}, "不得写完整号码，只写后四位"),
        ({"reason": f"证件{document_number(1)}"}, "不得写完整号码，只写后四位"),
        (
            {"kind": "DEVICE", "number": "a-telephone", "reason": "设备 A-Telephone 套券"},
            "不得写完整号码，只写后四位",
        ),
    ],
)
def test_what_is_wrong_is_said_on_the_form(wrong: dict[str, str], words: str) -> None:
    response = Staff.of(Role.RISK_MAKER).add(ControlEntry, form(**wrong))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert (ControlEntry.objects.count(), IdentityKey.objects.count()) == (0, 0)


def test_every_kind_can_be_entered_and_the_list_is_searched_and_filtered() -> None:
    channel = client_make(Client.Kind.CHANNEL)
    maker = Staff.of(Role.RISK_MAKER)
    for kind, number in (
        ("DOCUMENT", document_number(1)),
        ("MOBILE", mobile_number(2)),
        ("DEVICE", "a-telephone-0001"),
        ("CARD", "6222020000001234"),
    ):
        assert maker.add(ControlEntry, form(kind=kind, number=number)).status_code == 302
    account = form(kind="ACCOUNT", number="user-77", client=str(channel.pk))
    assert maker.add(ControlEntry, account).status_code == 302
    kinds = ControlEntry.objects.order_by("key__kind").values_list("key__kind", flat=True)
    assert list(kinds) == ["ACCOUNT", "CARD", "DEVICE", "DOCUMENT", "MOBILE"]
    again = maker.add(ControlEntry, form(kind="MOBILE", number=mobile_number(2)))
    assert "该标识在此地区已列入名单，或正待复核" in again.content.decode()
    url = maker.list_url(ControlEntry)
    assert "****1234" in maker.html(url, {"q": "1234"})
    assert "****0001" not in maker.html(url, {"q": "1234"})
    assert "****0001" not in maker.html(url, {"key__kind__exact": "CARD"})
    assert "****1234" not in maker.html(url, {"state__exact": "LIFTED"})


def test_another_region_and_other_roles_have_no_way_in() -> None:
    entry = control_made(identity_token("MOBILE", mobile_number(1)), region=NANNING)
    far = Staff.of(Role.RISK_MAKER, region=LIUZHOU)
    assert far.get(far.page_url(entry)).status_code == 404
    assert far.action(entry, "lift", reason="x").status_code == 404
    assert "****0001" not in far.html(far.list_url(ControlEntry))
    near = Staff.of(Role.RISK_CHECKER, region=NANNING)
    assert "****0001" in near.html(near.list_url(ControlEntry))
    assert near.get(near.add_url(ControlEntry)).status_code == 403
    for role in (Role.CAMPAIGN_MAKER, Role.SERVICE_DESK, Role.LIST_MAKER, Role.SETTLEMENT_MAKER):
        other = Staff.of(role)
        assert other.get(other.list_url(ControlEntry)).status_code == 403
        assert other.get(other.add_url(ControlEntry)).status_code == 403
    auditor = Staff.of(Role.AUDITOR)
    assert auditor.get(auditor.page_url(entry)).status_code == 200
    assert auditor.get(auditor.add_url(ControlEntry)).status_code == 403


def test_an_end_that_has_come_is_shown_as_the_end() -> None:
    entry = control_agreed(identity_token("MOBILE", mobile_number(1)), valid_until=later(hours=1))
    page = Staff.of(Role.RISK_MAKER)
    assert "管控中" in page.html(page.page_url(entry))
    business_time_set(later(hours=1))
    assert "已到期" in page.html(page.page_url(entry))


def test_a_case_that_was_upheld_leads_to_the_form() -> None:
    live = campaign_live(batches=[BatchPlan(limits=())])
    device = identity_token("DEVICE", "a-telephone-0001")
    people = enrolled(None, range(1, 5))
    vouchers_claim(commands=[claim_command(live.batch, person, device=device) for person in people])
    business_time_set(later(hours=3))
    rules_run(campaign_ids=[live.campaign.pk], now=later(hours=3))
    case = Case.objects.get()
    maker = Staff.of(Role.RISK_MAKER)
    add = maker.add_url(ControlEntry)
    link = f"{add}?case={case.pk}"
    assert link not in maker.html(maker.page_url(case))
    maker.act(case, "uphold", reason="多人共用一机套券")
    assert link in maker.html(maker.page_url(case))
    auditor = Staff.of(Role.AUDITOR)
    assert link not in auditor.html(auditor.page_url(case))
    text = maker.html(link)
    assert "多人共用一机套券" in text
    assert 'name="number"' not in text
    terms = {name: form()[name] for name in ("owner_region", "valid_from", "valid_until", "reason")}
    response = maker.client.post(link, terms)
    assert response.status_code == 302, response.content.decode()
    entry = ControlEntry.objects.get()
    assert (entry.case, str(entry.key_id), entry.state) == (case, case.subject_id, "SUBMITTED")
    checker = Staff.of(Role.RISK_CHECKER)
    approval = Approval.objects.get(kind="voucher.control")
    assert "依据核查单：****0001" in checker.html(checker.page_url(approval))
    checker.act(approval, "agree", comment="同意")
    (refused,) = vouchers_claim(commands=[claim_command(live.batch, people[0], device=device)])
    assert [one.code for one in refused.refusals] == ["claim.risk_refused"]
    far = Staff.of(Role.RISK_MAKER, region=LIUZHOU)
    assert far.get(link).status_code == 404
    assert maker.get(f"{add}?case=x").status_code == 404


def test_the_page_of_a_lifting_says_what_a_lifting_does() -> None:
    entry = control_agreed(identity_token("MOBILE", mobile_number(1)))
    business_time_set(later(days=3))
    maker, checker = Staff.of(Role.RISK_MAKER), Staff.of(Role.RISK_CHECKER)
    said_no = maker.act(entry, "lift", reason="误列 138 0013-8000")
    assert "不得写完整号码，只写后四位" in said_no
    assert not Approval.objects.filter(kind="voucher.control_lift").exists()
    maker.act(entry, "lift", reason="申诉成立")
    lifting = Approval.objects.get(kind="voucher.control_lift")
    assert lifting.payload == {"reason": "申诉成立", "days": 4}
    text = checker.html(checker.page_url(lifting))
    for line in (
        "解除风控名单：手机号 ****0001（广西壮族自治区）",
        "自同意之时起恢复领取（另有管控的除外）",
        "解除理由：申诉成立",
        "原列入理由：核查属实",
        "截至申请解除时已管控 4 天",
    ):
        assert line in text
    assert "期间不能领取" not in text
    assert "涉及金额" not in text


@pytest.mark.parametrize(
    "wrong", [{"document_type": "NOSUCH"}, {"valid_until": "soon"}, {"owner_region": "999999"}]
)
def test_a_page_that_says_what_is_wrong_does_not_repeat_the_number(wrong: dict[str, str]) -> None:
    maker = Staff.of(Role.RISK_MAKER)
    response = maker.add(ControlEntry, form(**wrong))
    assert response.status_code == 200
    assert document_number(1) not in response.content.decode()
    assert not ControlEntry.objects.exists()
