"""Grants: who is on the list gets one voucher, whatever breaks off or comes twice."""

from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter
from django.db import DatabaseError, connection

from campaigns.models import Campaign
from core.access.models import Client, Role
from core.approvals.errors import ConfigurationChangedError, MakerIsCheckerError
from core.approvals.services import approval_decide
from core.errors import DomainError, InvalidParametersError
from core.jobs.files import job_file_path
from core.jobs.models import Job
from core.jobs.services import job_run
from core.models import Entry
from core.states import StateConflictError
from tests.factories.approvals import approve, reject
from tests.factories.campaigns import OPENED_AT, BatchPlan, LiveCampaign, campaign_live
from tests.factories.claims import vouchers_issued
from tests.factories.grants import (
    grant_agreed,
    grant_done,
    grant_made,
    people_make,
    public_ids,
)
from tests.factories.merchants import LIUZHOU, NANNING, client_make
from tests.factories.persons import enrolment_make, key_of
from tests.factories.running import balances
from tests.factories.staff import staff_make
from tests.support.moments import business_time_set
from vouchers.grants import chunks, running, staging
from vouchers.models import Claim, Enrolment, Grant, GrantChunk, Voucher
from vouchers.rules.model import Location
from vouchers.services import grants as services
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Client:
    business_time_set(OPENED_AT)
    return client_make(Client.Kind.CHANNEL)


@pytest.fixture
def live() -> LiveCampaign:
    return campaign_live()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CHUNK_ROWS", 2)


def file_of(job: Job, name: str) -> list[str]:
    path: Path = job_file_path(job.files.get(name=name))
    return path.read_bytes().decode("utf-8-sig").splitlines()


def held(person: Enrolment) -> int:
    return Voucher.objects.filter(enrolment=person).count()


@pytest.mark.usefixtures("small_chunks")
def test_everybody_on_the_list_gets_one_voucher(live: LiveCampaign, channel: Client) -> None:
    people = people_make(channel, 5)
    lines = ["渠道用户号", people[0].external_id, *public_ids(people[1:])]
    grant = grant_made(live.batch, channel, lines)
    assert (grant.state, grant.rows, grant.people) == ("DRAFT", 5, 5)
    assert [chunk.lines for chunk in grant.chunks.all()] == [[2, 3], [4, 5], [6]]
    assert Voucher.objects.count() == 0
    job = grant_done(grant)
    assert (job.state, job.message) == ("DONE", "已发放 5 人，未发放 0 人")
    assert (job.done, job.total) == (5, 5)
    assert job.result == {"people": 5, "granted": 5, "refused": 0, "done": True}
    assert (grant.state, grant.granted, grant.refused) == ("DONE", 5, 0)
    assert [held(person) for person in people] == [1, 1, 1, 1, 1]
    assert balances(live.campaign)["OUTSTANDING"] == 15_000
    assert Entry.objects.filter(code="CLAIM").count() == 3
    keys = Claim.objects.order_by("idempotency_key").values_list("idempotency_key", flat=True)
    assert list(keys) == [f"grant:{grant.pk.hex}:{line}" for line in range(2, 7)]
    assert file_of(job, "发放结果.csv") == [
        "行号,渠道用户号,结果,原因",
        *(f"{line},{person.external_id},已发放," for line, person in enumerate(people, 2)),
    ]


def test_faulty_rows_are_left_out_and_listed(live: LiveCampaign, channel: Client) -> None:
    one, other = people_make(channel, 2)
    stranger = enrolment_make(client_make(Client.Kind.CHANNEL))
    lines = [
        one.external_id,
        "nobody-knows",
        "",
        *public_ids([one, stranger]),
        "x" * 65,
        stranger.external_id,
        other.external_id,
    ]
    grant = grant_made(live.batch, channel, lines)
    assert (grant.state, grant.rows, grant.people) == ("DRAFT", 7, 2)
    assert grant.check_job is not None
    assert grant.check_job.message == "共 7 行：可发放 2 人，无效 5 行"
    assert file_of(grant.check_job, "名单错误.csv") == [
        "行号,原因",
        "2,该渠道没有此用户",
        "4,与第 1 行重复",
        "5,用户属于其他渠道",
        "6,不是渠道用户号或用户编号",
        "7,该渠道没有此用户",
    ]
    grant_done(grant)
    assert (held(one), held(other), held(stranger)) == (1, 1, 0)


def test_a_workbook_is_read_too(live: LiveCampaign, channel: Client, tmp_path: Path) -> None:
    person = enrolment_make(channel)
    path = tmp_path / "名单.xlsx"
    book = xlsxwriter.Workbook(path)
    page = book.add_worksheet()
    for row, text in enumerate(["用户编号", person.external_id, *public_ids([person])]):
        page.write_string(row, 0, text)
    book.close()
    grant = services.grant_start(
        batch_id=live.batch.pk,
        client_id=channel.pk,
        name=path.name,
        chunks=[path.read_bytes()],
        actor=staff_make(Role.CAMPAIGN_MAKER),
        now=OPENED_AT,
    )
    assert grant.check_job is not None
    job_run(job_id=grant.check_job.pk, now=OPENED_AT)
    grant.refresh_from_db()
    assert (grant.state, grant.rows, grant.people) == ("DRAFT", 2, 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,13977112233"], "第 1 行有多列：名单只能有一列，填渠道用户号或用户编号"),
        (["渠道用户号"], "名单中没有可发放的人员，请下载错误清单"),
        (["nobody"], "名单中没有可发放的人员，请下载错误清单"),
    ],
)
def test_a_list_that_names_nobody_is_refused(
    live: LiveCampaign, channel: Client, lines: list[str], message: str
) -> None:
    grant = grant_made(live.batch, channel, lines)
    assert grant.check_job is not None
    assert (grant.state, grant.check_job.state, grant.check_job.message) == (
        "REFUSED",
        "DONE",
        message,
    )
    assert GrantChunk.objects.count() == 0
    with pytest.raises(StateConflictError):
        services.grant_submit(grant_id=grant.pk, actor=grant.created_by, now=OPENED_AT)


def test_limits_and_quota_hold_as_for_everybody(channel: Client) -> None:
    live = campaign_live(batches=[BatchPlan(units=3)])
    had, alone, last, late = people_make(channel, 4)
    shares = enrolment_make(channel, shared=[key_of(had, "MOBILE")])
    vouchers_issued(live.batch, 1, enrolments=[had])
    unverified = enrolment_make(channel, level="NONE")
    people = [had, alone, shares, unverified, last, late]
    grant = grant_made(live.batch, channel, public_ids(people))
    job = grant_done(grant)
    assert [held(person) for person in people] == [1, 1, 0, 0, 1, 0]
    assert (grant.granted, grant.refused) == (2, 4)
    chunk = grant.chunks.get()
    assert chunk.refused == {
        "claim.person_limit": [0],
        "claim.same_person_other_account": [2],
        "claim.realname_required": [3],
        "claim.sold_out": [2, 5],
    }
    assert [line.partition(",")[2].partition(",")[2] for line in file_of(job, "发放结果.csv")] == [
        "结果,原因",
        "未发放,已达个人领取上限",
        "已发放,",
        "未发放,相同的身份信息已领取；已领完",
        "未发放,需要实名认证",
        "已发放,",
        "未发放,已领完",
    ]
    assert balances(live.campaign)["OUTSTANDING"] == 9_000


def test_a_paused_campaign_refuses_row_by_row_and_the_list_may_come_again(
    live: LiveCampaign, channel: Client
) -> None:
    people = people_make(channel, 2)
    grant = grant_made(live.batch, channel, public_ids(people))
    job_id = grant_agreed(grant)
    Campaign.objects.filter(pk=live.campaign.pk).update(state="PAUSED")
    job_run(job_id=job_id, now=OPENED_AT)
    grant.refresh_from_db()
    assert (grant.state, grant.granted, grant.refused) == ("DONE", 0, 2)
    assert grant.chunks.get().refused == {"claim.paused": [0, 1]}
    Campaign.objects.filter(pk=live.campaign.pk).update(state="LIVE")
    again = grant_made(live.batch, channel, public_ids(people))
    grant_done(again)
    assert [held(person) for person in people] == [1, 1]


def test_the_same_list_is_not_taken_twice(channel: Client) -> None:
    live = campaign_live(batches=[BatchPlan(limits=()), BatchPlan(limits=(), face_fen=500)])
    people = people_make(channel, 2)
    first = grant_made(live.batches[0], channel, public_ids(people))
    waiting = grant_made(live.batches[0], channel, public_ids(people))
    assert waiting.state == "REFUSED"
    grant_done(first)
    again = grant_made(live.batches[0], channel, [person.external_id for person in people])
    assert again.state == "REFUSED"
    assert again.check_job is not None
    assert again.check_job.message == ("该名单已为同一批次发放或正在办理，请只上传尚未发放的人员")
    elsewhere = grant_made(live.batches[1], channel, public_ids(people))
    assert elsewhere.state == "DRAFT"
    assert [held(person) for person in people] == [1, 1]


def test_a_job_run_again_grants_nobody_twice(channel: Client) -> None:
    live = campaign_live(batches=[BatchPlan(limits=())])
    people = people_make(channel, 3)
    grant = grant_made(live.batch, channel, public_ids(people))
    job = grant_done(grant)
    Job.objects.filter(pk=job.pk).update(state="RUNNING")
    again = job_run(job_id=job.pk, now=OPENED_AT)
    assert again is not None
    assert again.result == {"people": 3, "granted": 3, "refused": 0, "done": True}
    assert Voucher.objects.count() == 3


@pytest.mark.usefixtures("small_chunks")
def test_claims_whose_outcomes_were_lost_are_answered_not_repeated(channel: Client) -> None:
    """As after a kill between the commit of a chunk's claims and that of its outcomes."""
    live = campaign_live(batches=[BatchPlan(limits=())])
    people = people_make(channel, 5)
    grant = grant_made(live.batch, channel, public_ids(people))
    job_id = grant_agreed(grant)
    first = grant.chunks.get(number=1)
    commands = [
        chunks._command(grant, line, person, OPENED_AT)
        for line, person in zip(first.lines, first.people, strict=True)
    ]
    vouchers_claim(commands=commands)
    assert Voucher.objects.count() == 2
    job_run(job_id=job_id, now=OPENED_AT + timedelta(minutes=5))
    assert Voucher.objects.count() == 5
    assert [held(person) for person in people] == [1] * 5
    grant.refresh_from_db()
    assert (grant.state, grant.granted) == ("DONE", 5)


@pytest.mark.usefixtures("small_chunks")
def test_time_over_goes_on_in_a_job_of_its_own(
    channel: Client, live: LiveCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = people_make(channel, 3)
    grant = grant_made(live.batch, channel, public_ids(people))
    job_id = grant_agreed(grant)
    monkeypatch.setattr(running, "RUN_S", 0.0)
    job = job_run(job_id=job_id, now=OPENED_AT)
    assert job is not None
    assert job.result == {"people": 3, "granted": 0, "refused": 0, "done": False}
    grant.refresh_from_db()
    assert grant.job_id not in (None, job_id)
    monkeypatch.setattr(running, "RUN_S", 60.0)
    assert grant.job_id is not None
    job_run(job_id=grant.job_id, now=OPENED_AT)
    grant.refresh_from_db()
    assert (grant.state, grant.granted) == ("DONE", 3)


def test_the_maker_cannot_agree_and_a_rejection_gives_the_list_back(
    live: LiveCampaign, channel: Client
) -> None:
    grant = grant_made(live.batch, channel, public_ids(people_make(channel, 2)))
    approval = services.grant_submit(grant_id=grant.pk, actor=grant.created_by, now=OPENED_AT)
    assert (approval.amount_fen, approval.title) == (6_000, "定向发放：满100减30，2 人")
    with pytest.raises(MakerIsCheckerError):
        approval_decide(
            approval_id=approval.pk, checker=grant.created_by, agree=True, now=OPENED_AT
        )
    reject(approval, now=OPENED_AT)
    grant.refresh_from_db()
    assert (grant.state, grant.job_id) == ("DRAFT", None)
    second = services.grant_submit(grant_id=grant.pk, actor=grant.created_by, now=OPENED_AT)
    approve(second, now=OPENED_AT)
    grant.refresh_from_db()
    assert (grant.state, grant.approval_id) == ("GRANTING", second.pk)


def test_other_people_than_those_submitted_are_not_approved(
    live: LiveCampaign, channel: Client
) -> None:
    grant = grant_made(live.batch, channel, public_ids(people_make(channel, 2)))
    approval = services.grant_submit(grant_id=grant.pk, actor=grant.created_by, now=OPENED_AT)
    Grant.objects.filter(pk=grant.pk).update(people=1)
    with pytest.raises(ConfigurationChangedError):
        approve(approval, now=OPENED_AT)
    assert Job.objects.filter(kind="vouchers.grant").count() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vouchers_grantchunk SET people = ARRAY[gen_random_uuid()]",
        "UPDATE vouchers_grantchunk SET lines = ARRAY[7]",
        "DELETE FROM vouchers_grantchunk",
        "DELETE FROM vouchers_grant",
        "UPDATE vouchers_grant SET state = 'DONE'",
        "UPDATE vouchers_grant SET granted = 2",
        "INSERT INTO vouchers_grantchunk (grant_id, number, size, lines, people, granted, refused)"
        " SELECT grant_id, 2, size, lines, people, 0, '{}' FROM vouchers_grantchunk",
    ],
)
def test_the_database_keeps_a_list_as_it_was_checked(
    live: LiveCampaign, channel: Client, statement: str
) -> None:
    grant_made(live.batch, channel, public_ids(people_make(channel, 1)))
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_list_of_a_batch_with_location_or_of_a_campaign_over_is_refused(
    channel: Client,
) -> None:
    located = campaign_live(batches=[BatchPlan(location=Location(at_claim=True))])
    with pytest.raises(InvalidParametersError) as refused:
        grant_made(located.batch, channel, ["a"])
    assert refused.value.invalid_params[0].reason == "该批次领取时须校验位置，不能定向发放"
    over = campaign_live(state="PAUSED")
    Campaign.objects.filter(pk=over.campaign.pk).update(state="ENDED")
    with pytest.raises(StateConflictError):
        grant_made(over.batch, channel, ["a"])
    far = campaign_live(region=NANNING)
    local = client_make(Client.Kind.CHANNEL, region=LIUZHOU)
    with pytest.raises(InvalidParametersError) as refused:
        grant_made(far.batch, local, ["a"])
    assert refused.value.invalid_params[0].reason == "该渠道不服务于活动地区"
    assert Grant.objects.count() == 0


def test_who_may(live: LiveCampaign, channel: Client) -> None:
    for role in (Role.CAMPAIGN_CHECKER, Role.LIST_MAKER, Role.AUDITOR):
        with pytest.raises(DomainError) as refused:
            grant_made(live.batch, channel, ["a"], maker=staff_make(role))
        assert refused.value.code == "access.permission_denied"
    with pytest.raises(DomainError):
        grant_made(
            live.batch, channel, ["a"], maker=staff_make(Role.CAMPAIGN_MAKER, region=NANNING)
        )


def test_a_failed_job_is_taken_up_again(
    live: LiveCampaign, channel: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = grant_made(live.batch, channel, public_ids(people_make(channel, 2)))
    job_id = grant_agreed(grant)
    with monkeypatch.context() as broken:
        broken.setattr(chunks, "_keep", lambda *_: 1 / 0)
        failed = job_run(job_id=job_id, now=OPENED_AT)
    assert failed is not None
    assert (failed.state, failed.message) == ("FAILED", "ZeroDivisionError")
    job = services.grant_resume(grant_id=grant.pk, actor=grant.created_by, now=OPENED_AT)
    with pytest.raises(StateConflictError):
        services.grant_resume(grant_id=grant.pk, actor=grant.created_by, now=OPENED_AT)
    job_run(job_id=job.pk, now=OPENED_AT)
    grant.refresh_from_db()
    assert (grant.state, grant.granted, Voucher.objects.count()) == ("DONE", 2, 2)


def test_a_draft_can_be_given_up(live: LiveCampaign, channel: Client) -> None:
    people = people_make(channel, 1)
    grant = grant_made(live.batch, channel, public_ids(people))
    services.grant_cancel(
        grant_id=grant.pk, reason="名单有误", actor=grant.created_by, now=OPENED_AT
    )
    grant.refresh_from_db()
    assert grant.state == "CANCELLED"
    assert grant_made(live.batch, channel, public_ids(people)).state == "DRAFT"
