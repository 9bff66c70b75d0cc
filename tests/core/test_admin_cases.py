"""Pages of screening: evidence in words, decisions as actions, parameters as new versions."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.access.models import Role
from core.admin.cases import CaseRuleFilter
from core.approvals.models import Approval, ApprovalState
from core.audit.models import AuditEvent
from core.clock import TIME_ZONE
from core.ids import NIL, to_public
from core.screening.models import Case, CaseState, Hit, RuleParameter
from core.screening.rules import rules
from core.screening.services.cases import KIND
from core.screening.services.evidence import evidence_hash
from tests.factories.campaigns import OPENED_AT, campaign_live, later
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE
from tests.support.admin import Staff

pytestmark = pytest.mark.django_db
EVIDENCE: dict[str, Any] = {
    "value": 12,
    "median": 3,
    "amount_fen": 36_000,
    "timeline": [
        {"at": "2026-03-06T01:00:00Z", "amount_fen": 10_050, "redemption": str(NIL)},
        {"at": "2026-03-06T01:00:40Z", "amount_fen": 10_010},
    ],
    "against": ["开业促销，已报备", "本镇唯一门店"],
}


def case_make(region: str = NANNING, frozen_fen: int = 0, label: str = "测试门店") -> Case:
    live = campaign_live(region=region)
    case = Case.objects.create(
        campaign_id=live.campaign.pk,
        subject_type="STORE",
        subject_id="store-1",
        subject_label=label,
        owner_region=region,
        opened_at=OPENED_AT,
        due_on=later(days=14).date(),
        frozen_fen=frozen_fen,
    )
    for rule_id, family in (("FM6", "TIME"), ("FM13", "AMOUNT")):
        Hit.objects.create(
            rule=rule_id,
            rule_version=1,
            family=family,
            campaign_id=case.campaign_id,
            subject_type="STORE",
            subject_id="store-1",
            window_from=OPENED_AT,
            window_until=later(hours=1),
            evidence=EVIDENCE,
            fact_ids=["a", "b"],
            case=case,
            at=later(hours=1),
        )
    case.evidence_hash = evidence_hash(case.hits.all())
    case.save(update_fields=["evidence_hash"])
    return case


def test_a_case_shows_its_evidence_in_words() -> None:
    page, case = Staff.of(Role.RISK_MAKER, region=NANNING), case_make()
    text = page.html(page.page_url(case))
    for words in (
        "门店 · 测试门店",
        "独立证据类别 2 个：时间、金额",
        "对象数值",
        "360.00",
        "2026-03-06 09:00:40",
        "100.10",
        "不利于该嫌疑的情况",
        "本镇唯一门店",
        to_public("rdm", NIL),
    ):
        assert words in text, words
    hit = case.hits.first()
    assert hit is not None
    assert "2 笔" in page.html(page.page_url(hit))


def test_the_list_shows_the_rules_and_is_filtered_by_rule() -> None:
    page = Staff.of(Role.RISK_MAKER, region=NANNING)
    both, one = case_make(label="甲店"), case_make(label="乙店")
    none = Case.objects.create(
        campaign_id=one.campaign_id,
        subject_type="STORE",
        subject_id="store-3",
        subject_label="丙店",
        owner_region=NANNING,
        opened_at=OPENED_AT,
        due_on=later(days=14).date(),
    )
    Hit.objects.create(
        rule="FM10",
        rule_version=1,
        family="PEOPLE",
        campaign_id=both.campaign_id,
        subject_type="STORE",
        subject_id="store-1",
        window_from=OPENED_AT,
        window_until=later(hours=1),
        evidence={},
        case=both,
        at=later(hours=1),
    )
    text = page.html(page.list_url(Case))
    assert "FM6 连刷、FM10 员工自刷、FM13 拆单" in text
    assert "FM6 连刷、FM13 拆单" in text
    shown = rows_of(page, {"rule": "FM10"})
    # The filter hides no other rule and counts every hit.
    assert [(row.subject_label, len(row.rule_ids), row.hit_count) for row in shown] == [
        ("甲店", 3, 3)
    ]
    assert {row.subject_label for row in rows_of(page, {"rule": "FM6"})} == {"甲店", "乙店"}
    assert rows_of(page, {"rule": "FC2"}) == []
    assert "命中规则" in page.html(page.page_url(none))
    offered = {key for key, _name in CaseRuleFilter.lookups(None, None, None)}  # type: ignore[arg-type]
    assert offered == {one.id for one in rules()}


def test_the_list_asks_as_many_queries_for_many_cases() -> None:
    page = Staff.of(Role.RISK_MAKER, region=NANNING)
    case_make(label="店0")
    page.html(page.list_url(Case))
    with CaptureQueriesContext(connection) as few:
        page.html(page.list_url(Case))
    for number in range(1, 6):
        case_make(label=f"店{number}")
    with CaptureQueriesContext(connection) as many:
        page.html(page.list_url(Case))
    assert len(many) <= len(few)


def rows_of(page: Staff, query: dict[str, str]) -> list[Any]:
    """Return the rows that the list shows."""
    return list(page.get(page.list_url(Case), query).context["cl"].result_list)


def test_a_small_case_is_decided_at_once_with_a_reason() -> None:
    page, case = Staff.of(Role.RISK_MAKER, region=NANNING), case_make()
    assert page.act(case, "start_review") == "已转入核查，承办人为本人"
    assert page.action(case, "release", reason="").status_code == 200
    case.refresh_from_db()
    assert (case.state, case.owner) == (CaseState.IN_REVIEW, page.user)
    assert page.act(case, "release", reason="开业促销") == "已办结"
    case.refresh_from_db()
    assert (case.state, case.decision_reason) == (CaseState.RELEASED, "开业促销")
    assert page.action(case, "uphold", reason="反悔").status_code == 403
    assert "认定属实" not in page.html(page.page_url(case))
    case.refresh_from_db()
    assert case.state == CaseState.RELEASED


def test_above_ten_thousand_yuan_the_decision_waits_for_a_second_person() -> None:
    page, case = Staff.of(Role.RISK_MAKER, region=NANNING), case_make(frozen_fen=1_000_001)
    assert page.act(case, "uphold", reason="证据充分") == "结论已提交，待另一人复核"
    case.refresh_from_db()
    assert case.state == CaseState.IN_REVIEW
    waiting = Approval.objects.get(kind=KIND)
    assert (waiting.state, waiting.maker) == (ApprovalState.PENDING, page.user)
    assert waiting.title in page.html(page.page_url(case))
    assert "已有待复核的申请" in page.act(case, "uphold", reason="再次")
    assert Approval.objects.filter(kind=KIND).count() == 1
    # Whom somebody suspects of what is read by those who read cases.
    read = {
        role: Staff.of(role, region=NANNING).get(page.page_url(waiting)).status_code
        for role in (Role.RISK_CHECKER, Role.AUDITOR, Role.CAMPAIGN_MAKER, Role.SETTLEMENT_MAKER)
    }
    assert read == {
        Role.RISK_CHECKER: 200,
        Role.AUDITOR: 200,
        Role.CAMPAIGN_MAKER: 404,
        Role.SETTLEMENT_MAKER: 404,
    }


@pytest.mark.parametrize("role", [Role.RISK_CHECKER, Role.AUDITOR])
def test_who_may_not_decide_reads_only(role: str) -> None:
    page, case = Staff.of(role, region=NANNING), case_make()
    assert page.get(page.page_url(case)).status_code == 200
    for name in ("release", "uphold"):
        assert page.action(case, name, reason="试").status_code == 403
    case.refresh_from_db()
    assert case.state == CaseState.OPEN
    assert not AuditEvent.objects.exists()


def test_cases_and_hits_of_another_city_are_not_there() -> None:
    page = Staff.of(Role.RISK_MAKER, region=NANNING)
    case_make(label="南宁门店")
    far = case_make(LIUZHOU, label="柳州门店")
    for model in (Case, Hit):
        text = page.html(page.list_url(model))
        assert "南宁门店" in text
        assert "柳州门店" not in text
    assert page.get(page.page_url(far)).status_code == 404
    assert page.action(far, "release", reason="试").status_code == 404
    assert Case.objects.get(pk=far.pk).state == CaseState.OPEN
    by_campaign = page.html(page.list_url(Case), {"campaign": str(far.campaign_id)})
    assert "柳州门店" not in by_campaign
    assert "南宁门店" not in by_campaign


def parameter_form(**changes: str) -> dict[str, str]:
    one = rules()[0]
    name, value = next(iter(one.defaults.items()))
    form = {
        "rule": one.id,
        "campaign": "",
        "enabled": "on",
        "lines": f"{name}={value + 1}",
        "reason": "据复盘调整",
    }
    return {**form, **changes}


def test_parameters_are_set_as_a_new_version_by_the_province() -> None:
    page = Staff.of(Role.RISK_MAKER, region=PROVINCE)
    one = rules()[0]
    for version in (1, 2):
        assert page.add(RuleParameter, parameter_form()).status_code == 302
        row = RuleParameter.objects.get(version=version)
        assert (row.rule, row.created_by) == (one.id, page.user)
    assert "设定新版本" in page.html(page.page_url(row))
    refused = page.add(RuleParameter, parameter_form(lines="unknown=1"))
    assert "没有这个参数" in refused.content.decode()
    wrong = page.add(RuleParameter, parameter_form(lines="x=-1"))
    assert "第 1 行应写成" in wrong.content.decode()
    city = Staff.of(Role.RISK_MAKER, region=NANNING)
    assert city.add(RuleParameter, parameter_form()).status_code == 200
    assert RuleParameter.objects.count() == 2


def test_a_range_of_days_has_both_ends_in_local_time() -> None:
    case = case_make()
    hit = case.hits.latest("pk")
    page = Staff.of(Role.RISK_MAKER, region=NANNING)
    day = hit.at.astimezone(TIME_ZONE).date()
    for since, until, found in (
        (day, day, 2),
        (day + timedelta(days=1), "", 0),
        ("", day - timedelta(days=1), 0),
        ("", day, 2),
        ("nonsense", "", 2),
    ):
        query = {"at_from": str(since), "at_to": str(until)}
        response = page.get(page.list_url(Hit), query)
        assert response.context["cl"].result_count == found, query
