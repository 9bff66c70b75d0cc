"""Lists of audiences: of files and segments, all or nothing, frozen by the approval."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import xlsxwriter
from django.db import DatabaseError, connection
from django.db.transaction import atomic

from core.access.models import Client, Role
from core.approvals.errors import ConfigurationChangedError, MakerIsCheckerError
from core.approvals.services import approval_decide
from core.errors import DomainError, InvalidParametersError
from core.jobs.files import job_file_path
from core.jobs.models import Job
from core.jobs.services import job_run
from core.jobs.uploads import upload_path
from core.states import StateConflictError
from redemption.services.refund import redemptions_refund
from tests.factories.approvals import approve, reject
from tests.factories.audiences import (
    AGREED_AT,
    agreed,
    audience_make,
    document_number,
    documents,
    enrolled,
    list_made,
    made,
    members,
    mobile_number,
    segment_made,
)
from tests.factories.campaigns import BatchPlan, campaign_live, later
from tests.factories.claims import vouchers_issued
from tests.factories.merchants import LIUZHOU, NANNING, client_make
from tests.factories.persons import enrolment_make
from tests.factories.redemption import accepted, confirmed_make, refund_command, shop_make
from tests.factories.staff import staff_make
from vouchers.audiences import filling
from vouchers.models import Audience, AudienceMember, AudienceSnapshot, IdentityKey
from vouchers.services import audiences as services

pytestmark = pytest.mark.django_db
FULL, ADD, REMOVE = "REPLACE", "ADD", "REMOVE"


def message(snapshot: AudienceSnapshot) -> str:
    assert snapshot.check_job is not None
    return snapshot.check_job.message


def errors_of(snapshot: AudienceSnapshot) -> list[str]:
    assert snapshot.check_job is not None
    path: Path = job_file_path(snapshot.check_job.files.get(name="名单错误.csv"))
    return path.read_bytes().decode("utf-8-sig").splitlines()


def test_a_file_becomes_keys_and_nothing_of_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "CHUNK_ROWS", 2)
    known = enrolled(None, [1])
    lines = [*documents(1, 2, 3, 2), "E12345678,护照", "", f"{document_number(4)}, 居民身份证"]
    snapshot = list_made(audience_make(), lines)
    assert (snapshot.state, snapshot.number, snapshot.rows) == ("DRAFT", 1, 6)
    assert (snapshot.members, members(snapshot), message(snapshot)) == (5, 5, "共 5 人")
    assert IdentityKey.objects.filter(kind="DOCUMENT").count() == 5
    mine = known[0].keys.get(kind="DOCUMENT").key_id
    assert AudienceMember.objects.filter(snapshot_id=snapshot.pk, key_id=mine).exists()
    job = snapshot.check_job
    assert job is not None
    assert not upload_path(job.params["upload"]).exists()
    assert document_number(2) not in f"{job.params} {job.result} {job.message}"
    Job.objects.filter(pk=job.pk).update(state="RUNNING")
    again = job_run(job_id=job.pk, now=AGREED_AT)
    assert again is not None
    assert (again.state, again.result["members"], members(snapshot)) == ("DONE", 5, 5)


def test_one_faulty_row_refuses_the_whole_file() -> None:
    lines = [document_number(1), "11010519491231002", "", f"{document_number(2)},军官证", "x" * 200]
    snapshot = list_made(audience_make(), lines)
    assert (snapshot.state, snapshot.members, members(snapshot)) == ("REFUSED", 0, 0)
    assert message(snapshot) == "有 3 行有误，整份名单未采用；请下载错误清单，改正后重新上传"
    assert errors_of(snapshot) == [
        "行号,原因",
        "2,证件号码不正确",
        "4,不支持的证件类型",
        "5,证件号码不正确",
    ]
    assert IdentityKey.objects.count() == 0
    with pytest.raises(StateConflictError):
        services.snapshot_submit(snapshot_id=snapshot.pk, actor=snapshot.created_by, now=AGREED_AT)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("证件号码".encode(), "名单中没有人员"),
        (b"a,b,c", "第 1 行多于两列：名单只能有证件号码和证件类型两列"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "不支持 .xls 或加密的工作簿，请另存为未加密的 .xlsx"),
        (b'"450101', "第 1 行起引号不配对或单元格过长"),
    ],
)
def test_a_file_that_is_no_list_is_refused(content: bytes, reason: str) -> None:
    snapshot = list_made(audience_make(), content)
    assert (snapshot.state, message(snapshot), members(snapshot)) == ("REFUSED", reason, 0)


def test_mobiles_are_a_list_too_and_a_workbook_is_read(tmp_path: Path) -> None:
    audience = audience_make(key_kind="MOBILE")
    path = tmp_path / "名单.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        for row, text in enumerate(["手机号", mobile_number(1), f"+86 {mobile_number(2)}"]):
            page.write_string(row, 0, text)
    snapshot = list_made(audience, path.read_bytes())
    assert (snapshot.state, snapshot.members) == ("DRAFT", 2)
    wrong = list_made(audience, ["12345", f"{mobile_number(3)},张三"])
    assert message(wrong) == "第 2 行有多列：名单只能有一列，填手机号"


def test_additions_and_removals_change_the_list_in_force() -> None:
    audience = audience_make()
    with pytest.raises(InvalidParametersError) as caught:
        list_made(audience, documents(1), mode=ADD)
    assert caught.value.invalid_params[0].reason == "该人群还没有已批准的名单，首期须为全量"
    assert AudienceSnapshot.objects.count() == 0
    agreed(list_made(audience, documents(1, 2)))
    same = list_made(audience, documents(2, 1))
    assert message(same) == "成员与第 1 期完全相同，没有变化"
    assert (same.state, members(same)) == ("REFUSED", 0)
    more = list_made(audience, documents(2, 3, 4), mode=ADD)
    assert (more.number, more.rows, more.members) == (3, 3, 4)
    agreed(more, now=later())
    keys = IdentityKey.objects.count()
    fewer = list_made(audience, documents(1, 9), mode=REMOVE)
    assert (fewer.members, IdentityKey.objects.count()) == (3, keys)
    agreed(fewer, now=later(hours=1))
    assert list_made(audience, documents(2, 3, 4), mode=REMOVE).state == "REFUSED"


def test_a_second_person_agrees_to_exactly_these_members() -> None:
    audience = audience_make()
    snapshot = list_made(audience, documents(1, 2))
    campaign_live(batches=[BatchPlan(rules={"audience": {"code": "seniors", "name": "老人"}})])
    approval = services.snapshot_submit(
        snapshot_id=snapshot.pk, actor=snapshot.created_by, now=AGREED_AT
    )
    assert approval.title == "人群名单：养老助残卡持卡人 第 1 期，2 人"
    with pytest.raises(MakerIsCheckerError):
        approval_decide(
            approval_id=approval.pk, checker=snapshot.created_by, agree=True, now=AGREED_AT
        )
    reject(approval, now=AGREED_AT)
    snapshot.refresh_from_db()
    assert (snapshot.state, snapshot.in_force_at) == ("DRAFT", None)
    agreed(snapshot)


def test_of_two_lists_that_wait_the_older_does_not_take_the_place_of_the_newer() -> None:
    audience = audience_make()
    first, second = (list_made(audience, documents(*range(size))) for size in (1, 2))
    waiting = services.snapshot_submit(snapshot_id=first.pk, actor=first.created_by, now=AGREED_AT)
    agreed(second)
    with pytest.raises(ConfigurationChangedError):
        approve(waiting, now=AGREED_AT)
    reject(waiting, now=AGREED_AT)
    with pytest.raises(InvalidParametersError):
        services.snapshot_submit(snapshot_id=first.pk, actor=first.created_by, now=AGREED_AT)
    services.snapshot_cancel(
        snapshot_id=first.pk, reason="作废", actor=first.created_by, now=AGREED_AT
    )
    first.refresh_from_db()
    assert (first.state, members(first), members(second)) == ("CANCELLED", 0, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO vouchers_audiencemember SELECT id, 0 FROM vouchers_audiencesnapshot",
        "INSERT INTO vouchers_audiencemember VALUES (gen_random_uuid(), 1)",
        "UPDATE vouchers_audiencemember SET key_id = 0",
        "DELETE FROM vouchers_audiencemember",
        "UPDATE vouchers_audiencesnapshot SET members = 1",
        "UPDATE vouchers_audiencesnapshot SET members_sha256 = ''",
        "UPDATE vouchers_audiencesnapshot SET source_sha256 = ''",
        "UPDATE vouchers_audiencesnapshot SET number = 7",
        "UPDATE vouchers_audiencesnapshot SET in_force_at = now()",
        "UPDATE vouchers_audiencesnapshot SET state = 'CHECKING'",
        "DELETE FROM vouchers_audiencesnapshot",
        "UPDATE vouchers_audience SET name = '所有人'",
        "DELETE FROM vouchers_audience",
        "INSERT INTO vouchers_audiencesnapshot (id, audience_id, number, mode, name, segment,"
        " parameters, source_sha256, members_sha256, rows, members, state, owner_region,"
        " created_by_id, created_at) SELECT gen_random_uuid(), audience_id, 9, mode, name, segment,"
        " parameters, source_sha256, members_sha256, rows, members, 'DRAFT', owner_region,"
        " created_by_id, created_at FROM vouchers_audiencesnapshot",
    ],
)
def test_the_database_keeps_a_list_from_its_draft_on(statement: str) -> None:
    snapshot = list_made(audience_make(), documents(1, 2))
    for in_force in (False, True):
        if in_force:
            agreed(snapshot)
        with (
            pytest.raises(DatabaseError, match=r"frozen|Cannot|transition|violates check"),
            atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert members(snapshot) == 2


def test_the_database_takes_no_older_list_and_no_approved_one_without_approval() -> None:
    audience = audience_make()
    first, second = (list_made(audience, documents(*range(size))) for size in (1, 2))
    agreed(second)
    services.snapshot_cancel(
        snapshot_id=list_made(audience, documents(5)).pk,
        reason="作废",
        actor=first.created_by,
        now=AGREED_AT,
    )
    for moved in ("state = 'APPROVED'", "state = 'APPROVED', in_force_at = now()"):
        AudienceSnapshot.objects.filter(pk=first.pk, state="DRAFT").update(state="SUBMITTED")
        with pytest.raises(DatabaseError), atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE vouchers_audiencesnapshot SET {moved} WHERE id = %s",
                [first.pk],
            )


def test_an_audience_has_one_name_and_belongs_to_its_region() -> None:
    audience = audience_make(region=NANNING)
    with pytest.raises(InvalidParametersError) as caught:
        audience_make(name="别的", region=LIUZHOU)
    assert caught.value.invalid_params[0].reason == "人群代码已被使用"
    with pytest.raises(InvalidParametersError) as caught:
        audience_make("Bad Code", " ", kind="SEGMENT", key_kind="MOBILE")
    assert [one.name for one in caught.value.invalid_params] == ["code", "name", "key_kind"]
    stranger = staff_make(Role.CAMPAIGN_MAKER, region=LIUZHOU)
    for actor in (stranger, staff_make(Role.LIST_MAKER, region=NANNING)):
        with pytest.raises(DomainError) as refused:
            services.list_start(
                audience_id=audience.pk, name="n", chunks=[b"1"], actor=actor, now=AGREED_AT
            )
        assert refused.value.code == "access.permission_denied"
    with pytest.raises(InvalidParametersError):
        segment_made(audience, "FIRST_TIME")
    assert (Audience.objects.count(), AudienceSnapshot.objects.count()) == (1, 0)


def test_segments_of_a_channel_and_of_first_time_claimants() -> None:
    channel = client_make(Client.Kind.CHANNEL)
    one, two = enrolled(channel, [1, 2])
    enrolment_make(channel, level="NONE")
    other = enrolment_make(client_make())
    live = campaign_live(batches=[BatchPlan(limits=())])
    vouchers_issued(live.batch, 2, enrolments=[one, *enrolled(client_make(), [2])])
    audience = audience_make(kind="SEGMENT")
    assert segment_made(audience, "CHANNEL", client=channel.code).members == 2
    first = segment_made(audience, "FIRST_TIME")
    rows = AudienceMember.objects.filter(snapshot_id=first.pk)
    found = set(rows.values_list("key_id", flat=True))
    assert found == {other.keys.get(kind="DOCUMENT").key_id}
    assert two.keys.get(kind="DOCUMENT").key_id not in found  # claimed by another account
    assert (first.name, first.parameters) == ("从未领取过本地区消费券的实名用户", {})
    assert segment_made(audience, "FIRST_TIME").state == "REFUSED"
    with pytest.raises(InvalidParametersError):
        list_made(audience, documents(1))


def test_segments_of_redemptions() -> None:
    shop = shop_make(batches=[BatchPlan(limits=(), units=9)])
    users = enrolled(client_make(), range(4))
    vouchers = vouchers_issued(shop.batch, 4, enrolments=users)
    confirmed_make(shop, vouchers[0])
    confirmed_make(shop, vouchers[1], at=later(days=1, hours=2))
    back = confirmed_make(shop, vouchers[2])
    accepted(redemptions_refund(commands=[refund_command(back, 10_000)]))
    audience = audience_make(kind="SEGMENT")
    code = shop.live.campaign.code
    now = later(days=2)

    def people(segment: str, **more: int) -> list[int]:
        made_now = segment_made(audience, segment, campaign=code, now=now, **more)
        keys = AudienceMember.objects.filter(snapshot_id=made_now.pk).values("key_id")
        return [
            place for place, user in enumerate(users) if user.keys.filter(key__in=keys).exists()
        ]

    assert people("REDEEMED") == [0, 1]
    assert people("IDLE", days=1) == [0, 2, 3]
    assert people("IDLE", days=3) == [2, 3]
    last = AudienceSnapshot.objects.order_by("number").last()
    assert last is not None
    assert last.name == f"在活动 {code} 中领取过、近 3 天未核销的人员"
    for wrong in ({"campaign": code}, {"campaign": code, "days": 0}, {"campaign": "?", "days": 1}):
        with pytest.raises(InvalidParametersError):
            segment_made(audience, "IDLE", **wrong)
    city = audience_make("city", "本市", kind="SEGMENT", region=NANNING)
    with pytest.raises(InvalidParametersError):  # the province's campaign is not the city's to ask
        segment_made(city, "REDEEMED", campaign=code)


def test_a_killed_run_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "CHUNK_ROWS", 1)
    chunk_write = filling._chunk_write
    written: list[int] = []

    def killed(*args: object) -> None:
        if written:
            raise SystemExit
        written.append(1)
        chunk_write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(filling, "_chunk_write", killed)
    audience = audience_make()
    with pytest.raises(SystemExit):
        list_made(audience, documents(1, 2, 3))
    snapshot = AudienceSnapshot.objects.get()
    assert (snapshot.state, members(snapshot)) == ("CHECKING", 1)
    monkeypatch.setattr(filling, "_chunk_write", chunk_write)
    assert made(snapshot, now=AGREED_AT + timedelta(minutes=1)).members == 3


def test_a_list_whose_making_failed_can_be_given_up() -> None:
    audience = audience_make()
    snapshot = services.list_start(
        audience_id=audience.pk,
        name="名单.csv",
        chunks=["\n".join(documents(2)).encode()],
        actor=staff_make(Role.CAMPAIGN_MAKER, region=audience.owner_region),
        mode="REPLACE",
        now=AGREED_AT,
    )
    give_up = partial(
        services.snapshot_cancel,
        snapshot_id=snapshot.pk,
        reason="生成失败",
        actor=snapshot.created_by,
        now=AGREED_AT,
    )
    with pytest.raises(StateConflictError):
        give_up()
    for state in (Job.State.RUNNING, Job.State.FAILED):
        Job.objects.update(state=state)
    give_up()
    snapshot.refresh_from_db()
    assert (snapshot.state, members(snapshot)) == ("REFUSED", 0)
