"""Why somebody is on the control list is read by those who may read the list, nobody else."""

from typing import Any

import pytest
from pytest_django import Settings

from core.access.models import Role
from core.approvals.models import Approval
from core.approvals.visibility import approvals_visible
from core.models import AuditEvent
from redemption.dashboard.todo import approvals_waiting, todo_read
from tests.factories.audiences import mobile_number
from tests.factories.campaigns import OPENED_AT
from tests.factories.controls import control_agreed, control_made
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE
from tests.factories.staff import staff_make
from tests.support.admin import Staff
from tests.support.moments import business_time_set
from vouchers.identity import identity_token
from vouchers.models import ControlEntry
from vouchers.services.controls import control_lift

pytestmark = pytest.mark.django_db
WHY = "疑似倒卖"
OTHERS = (
    Role.CAMPAIGN_MAKER,
    Role.CAMPAIGN_CHECKER,
    Role.DIRECTOR,
    Role.LIST_MAKER,
    Role.LIST_CHECKER,
    Role.SETTLEMENT_MAKER,
    Role.SETTLEMENT_CHECKER,
    Role.PAYMENT_REGISTRAR,
    Role.SERVICE_DESK,
)
READERS = (Role.RISK_MAKER, Role.RISK_CHECKER, Role.AUDITOR)


@pytest.fixture(autouse=True)
def _now() -> None:
    business_time_set(OPENED_AT)


@pytest.fixture
def approvals() -> list[Approval]:
    """An entry of the province in force, with a lifting that waits: two approvals."""
    entry = control_agreed(identity_token("MOBILE", mobile_number(1)), reason=WHY)
    control_lift(entry_id=entry.pk, reason=WHY, actor=entry.created_by, now=OPENED_AT)
    found = list(Approval.objects.order_by("kind"))
    assert [one.kind for one in found] == ["voucher.control", "voucher.control_lift"]
    return found


def pages(reader: Staff, one: Approval) -> list[str]:
    """Return what a reader gets of an approval in the list, by search and as a file."""
    url = reader.list_url(Approval)
    chosen = {"action": "export_csv", "_selected_action": [str(one.pk)]}
    sent: Any = reader.client.post(url, chosen)
    lines = b"".join(sent.streaming_content) if sent.streaming else sent.content
    return [reader.html(url), reader.html(url, {"q": "0001"}), lines.decode()]


@pytest.mark.parametrize("role", OTHERS)
def test_other_staff_have_no_such_approvals(role: str, approvals: list[Approval]) -> None:
    other = Staff.of(role)
    for one in approvals:
        assert other.get(other.page_url(one)).status_code == 404
        for text in pages(other, one):
            assert "****0001" not in text
            assert WHY not in text
        assert other.action(one, "agree", comment="同意").status_code == 403
        assert other.action(one, "withdraw", reason="撤回").status_code == 403
    assert approvals_waiting(user=other.user) == []
    assert todo_read(user=other.user).approvals == 0


@pytest.mark.parametrize("role", READERS)
def test_who_reads_the_list_reads_its_approvals(role: str, approvals: list[Approval]) -> None:
    reader = Staff.of(role)
    for one in approvals:
        assert WHY in reader.html(reader.page_url(one))
        assert all("****0001" in text for text in pages(reader, one))
    waiting = [approvals[1]] if role == Role.RISK_CHECKER else []
    assert approvals_waiting(user=reader.user) == waiting
    assert todo_read(user=reader.user).approvals == len(waiting)


def test_a_role_counts_in_its_region_alone() -> None:
    """Campaigns of the whole province do not open what risk control of one city may read."""
    for number, region in enumerate((PROVINCE, NANNING, LIUZHOU), start=1):
        control_made(identity_token("MOBILE", mobile_number(number)), region=region)
    both = staff_make(Role.CAMPAIGN_MAKER)
    risk = staff_make(Role.RISK_MAKER, region=NANNING)
    city = staff_make(Role.CAMPAIGN_MAKER, region=NANNING)
    for user, seen in ((both, []), (risk, [NANNING]), (city, [])):
        rows = approvals_visible(Approval.objects.all(), user).values_list(
            "owner_region", flat=True
        )
        assert list(rows) == seen
    risk_of_all = approvals_visible(Approval.objects.all(), staff_make(Role.RISK_MAKER))
    assert sorted(risk_of_all.values_list("owner_region", flat=True)) == sorted(
        [PROVINCE, NANNING, LIUZHOU]
    )


def test_who_has_to_sign_reads_what_he_signs(settings: Settings) -> None:
    control_made(identity_token("MOBILE", mobile_number(1)))
    settings.XFQ_APPROVAL_TIERS = [(0, 2)]
    control_made(identity_token("MOBILE", mobile_number(2)))
    seen = approvals_visible(Approval.objects.all(), staff_make(Role.DIRECTOR))
    assert list(seen.values_list("depth", flat=True)) == [2]


def test_the_log_keeps_the_reason_from_who_may_not_read_it(approvals: list[Approval]) -> None:
    event = AuditEvent.objects.filter(action="approval.request").first()
    assert event is not None
    assert event.reason == WHY
    watcher, auditor = Staff.of(Role.SECURITY_AUDITOR), Staff.of(Role.AUDITOR)
    for url in (watcher.list_url(AuditEvent), watcher.page_url(event)):
        text = watcher.html(url)
        assert WHY not in text
        assert "（无权查看该事项的理由）" in text
        assert WHY in auditor.html(url)
    guess = watcher.get(watcher.list_url(AuditEvent), {"reason__contains": WHY})
    assert guess.status_code == 400
    assert watcher.get(watcher.list_url(ControlEntry)).status_code == 403
