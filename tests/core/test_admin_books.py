"""Pages of ledger, log, events, jobs: read-only, scoped, with their few actions."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from python_calamine import CalamineWorkbook

from core.access.models import Role
from core.admin.words import action_words
from core.audit.models import AuditEvent, AuditLink
from core.audit.services import audit_chain_append, audit_record
from core.clock import wall
from core.ids import new_id
from core.jobs.models import BusinessClock, Job, JobFile, ScheduledTick
from core.ledger.models import Account, AccountKind, Entry, Posting
from core.outbox.models import Delivery, OutboxEvent
from tests.factories.campaigns import OPENED_AT, BatchPlan, campaign_live
from tests.factories.merchants import LIUZHOU, NANNING
from tests.support.admin import Staff, said

pytestmark = pytest.mark.django_db
LEDGER: tuple[Any, ...] = (Account, Entry, Posting)
ACTION = re.compile(r'audit_record\(\s*action="([a-z_.]+)"')


def test_the_books_of_another_city_are_not_there() -> None:
    near = campaign_live(code="nanning", region=NANNING)
    far = campaign_live(code="liuzhou", region=LIUZHOU)
    page = Staff.of(Role.SETTLEMENT_CHECKER, region=NANNING)
    for model in LEDGER:
        text = page.html(page.list_url(model))
        assert near.campaign.title in text
        assert far.campaign.title not in text
        foreign = model.objects.filter(campaign_id=far.campaign.pk).first()
        assert foreign is not None
        assert page.get(page.page_url(foreign)).status_code == 404


def test_an_account_shows_names_yuan_and_its_postings() -> None:
    live = campaign_live(batches=[BatchPlan(face_fen=3_000, units=100)])
    page = Staff.of(Role.SETTLEMENT_CHECKER)
    funder = live.funders[0]
    account = Account.objects.get(kind=AccountKind.RESERVED, funder_id=funder.pk)
    text = page.html(page.page_url(account))
    for words in (live.campaign.title, funder.name, live.batch.name, "2,000.00", "已投放未领取"):
        assert words in text, words
    postings = page.html(page.list_url(Posting), {"account": str(account.pk)})
    mine = Posting.objects.filter(credit_account=account) | Posting.objects.filter(
        debit_account=account
    )
    others = Posting.objects.exclude(pk__in=mine)
    assert all(f"/posting/{row.pk}/" in postings for row in mine)
    assert not any(f"/posting/{row.pk}/" in postings for row in others)
    assert page.get(page.list_url(Posting), {"account": "x"}).status_code == 200


def test_an_entry_shows_its_postings_and_total() -> None:
    campaign_live()
    page = Staff.of(Role.SETTLEMENT_CHECKER)
    entry = Entry.objects.get(code="RELEASE_OPEN")
    text = page.html(page.page_url(entry))
    for words in ("3,000.00", "投放开启", "已分配未投放", "2,000.00", "700.00", "300.00"):
        assert words in text, words


def test_nobody_changes_the_books_from_a_page() -> None:
    campaign_live()
    page = Staff.of(Role.SETTLEMENT_MAKER)
    for model in LEDGER:
        row = model.objects.first()
        assert row is not None
        before = model.objects.values().get(pk=row.pk)
        assert page.get(page.add_url(model)).status_code == 403
        assert page.client.post(page.page_url(row), {"amount_fen": "1"}).status_code == 403
        assert (
            page.client.post(f"/admin/core/{model._meta.model_name}/{row.pk}/delete/").status_code
            == 403
        )
        assert model.objects.values().get(pk=row.pk) == before


def test_an_export_has_yuan_as_numbers_and_is_recorded() -> None:
    campaign_live()
    page = Staff.of(Role.SETTLEMENT_CHECKER)
    account = Account.objects.get(kind=AccountKind.CASH)
    response: Any = page.client.post(
        page.list_url(Account), {"action": "export_xlsx", "_selected_action": [account.pk]}
    )
    sheet = CalamineWorkbook.from_filelike(
        io.BytesIO(b"".join(response.streaming_content))
    ).get_sheet_by_index(0)
    header, row = sheet.to_python()[:2]
    assert header == ["账户种类", "活动", "出资方", "核算单元（批次或收款方）", "余额（元）"]
    assert row[0] == "到账资金"
    assert row[4] == account.balance_fen / 100
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.data["rows"]) == ("admin.export", page.user, 1)


def test_lists_of_the_books_ask_the_same_number_of_queries_for_more_rows() -> None:
    page = Staff.of(Role.SETTLEMENT_CHECKER)
    campaign_live()
    counts = []
    for _round in range(2):
        for model in LEDGER:
            page.html(page.list_url(model))
        with CaptureQueriesContext(connection) as queries:
            for model in LEDGER:
                page.html(page.list_url(model))
        counts.append(len(queries))
        for _more in range(5):
            campaign_live()
    assert counts[0] == counts[1]


def test_the_log_is_scoped_and_the_province_sees_what_no_region_owns() -> None:
    for region, name in ((NANNING, "nn"), (LIUZHOU, "lz"), ("", "system")):
        audit_record(
            action="test.done",
            subject_type="test",
            subject_id=f"subject-{name}",
            now=OPENED_AT,
            owner_region=region,
        )
    city = Staff.of(Role.SECURITY_AUDITOR, region=NANNING)
    text = city.html(city.list_url(AuditEvent))
    assert "subject-nn" in text
    assert "subject-lz" not in text
    assert "subject-system" not in text
    province = Staff.of(Role.SECURITY_AUDITOR)
    everything = province.html(province.list_url(AuditEvent))
    assert all(f"subject-{name}" in everything for name in ("nn", "lz", "system"))
    event = AuditEvent.objects.get(subject_id="subject-nn")
    assert "尚未入链" in city.html(city.page_url(event))


def test_the_log_is_said_in_words() -> None:
    for action, subject in (
        ("merchants.import", "merchants.acquirer"),
        ("batch.claims_off", "batch"),
        ("admin.export", "vouchers.quotaslice"),
    ):
        audit_record(action=action, subject_type=subject, subject_id="1", now=OPENED_AT)
    page = Staff.of(Role.SECURITY_AUDITOR)
    text = page.html(page.list_url(AuditEvent))
    for words in ("商户表 · 导入", "券批次 · 停止领取", "后台 · 导出", "渠道额度"):
        assert words in text, words
    for name in ("merchants.import", "claims_off", "vouchers.quotaslice"):
        assert f">{name}<" not in text.replace(" ", "").replace("\n", ""), name


def test_an_event_of_the_log_shows_its_content_in_words() -> None:
    live = campaign_live()
    page = Staff.of(Role.SECURITY_AUDITOR)
    event = audit_record(
        action="campaign.go_live",
        subject_type="campaigns.campaign",
        subject_id=live.campaign.pk,
        now=OPENED_AT,
        data={
            "old": {"state": "APPROVED"},
            "new": {"state": "LIVE", "redemptions_on": True},
            "amount_fen": 320_000,
            "fen": 1_705,
            "counts": {"payees_new": 3},
            "role": Role.AUDITOR,
            "valid_until": OPENED_AT,
        },
    )
    text = page.html(page.page_url(event))
    for words in (
        "<dt>改动前</dt>",
        "<td>已批准</td>",
        "<td>进行中</td>",
        "<td>允许核销</td>",
        "<dt>金额（元）</dt>",
        "3,200.00",
        "17.05",
        "<td>新增收款方</td>",
        "审计员（限期只读）",
        "2026-03-06 08:00:00",
    ):
        assert words in text, words
    for code in ("LIVE", "amount_fen", "xfq-json"):
        assert code not in text, code


def test_every_action_of_the_log_has_words() -> None:
    root = Path(settings.BASE_DIR)
    apps = ("core", "campaigns", "merchants", "vouchers", "redemption")
    texts = [path.read_text() for app in apps for path in (root / app).rglob("*.py")]
    written = {name for text in texts for name in ACTION.findall(text)}
    sides = {f"batch.{side}_{way}" for side in ("claims", "redemptions") for way in ("on", "off")}
    assert len(written) > 25
    assert {name for name in written | sides if action_words(name) == name} == set()


def test_kinds_of_jobs_are_offered_by_their_names() -> None:
    Job.objects.create(
        kind="merchants.import", title="x", owner_region=NANNING, created_at=OPENED_AT
    )
    page = Staff.of(Role.LIST_MAKER, region=NANNING)
    text = page.html(page.list_url(Job))
    assert "导入收单机构商户表" in text
    assert ">merchants.import<" not in text


def test_the_chain_is_verified_by_a_button() -> None:
    page = Staff.of(Role.SECURITY_AUDITOR)
    audit_record(
        action="test.done", subject_type="test", subject_id="1", now=OPENED_AT, owner_region=NANNING
    )
    audit_chain_append()
    verify = reverse("admin:core_auditlink_verify")
    assert said(page.get(verify))[-1] == "审计链完整，共 1 环"
    city = Staff.of(Role.SECURITY_AUDITOR, region=NANNING)
    assert city.get(city.list_url(AuditLink)).status_code == 403


def test_a_parked_delivery_is_put_back_to_work_by_its_administrator() -> None:
    event = OutboxEvent.objects.create(
        event_id=new_id(),
        topic="test",
        aggregate_type="test",
        aggregate_id="1",
        at=OPENED_AT,
        recorded_at=wall(),
    )
    delivery = Delivery.objects.create(event=event, consumer="test", run_at=wall())
    delivery.state, delivery.attempts = Delivery.State.PARKED, 22
    delivery.save()
    reader = Staff.of(Role.AUDITOR)
    assert reader.action(delivery, "replay", reason="试").status_code == 403
    page = Staff.of(Role.SYSTEM_ADMIN)
    assert page.act(delivery, "replay", reason="已修复") == "已重新投递"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (Delivery.State.PENDING, 0)
    assert AuditEvent.objects.get(action="outbox.replay").reason == "已修复"


def test_technical_pages_are_for_the_province() -> None:
    province, city = Staff.of(Role.AUDITOR), Staff.of(Role.AUDITOR, region=NANNING)
    for model in (OutboxEvent, Delivery, ScheduledTick, AuditLink, BusinessClock):
        assert province.get(province.list_url(model)).status_code == 200
        assert city.get(city.list_url(model)).status_code == 403


def test_jobs_and_their_files_are_scoped() -> None:
    for region, title in ((NANNING, "南宁导入"), (LIUZHOU, "柳州导入")):
        job = Job.objects.create(
            kind="test", title=title, owner_region=region, created_at=OPENED_AT, total=4, done=1
        )
        JobFile.objects.create(
            job=job,
            role="result",
            name=f"{title}.csv",
            path="x",
            sha256="0",
            size=1,
            created_at=OPENED_AT,
        )
    page = Staff.of(Role.LIST_MAKER, region=NANNING)
    text = page.html(page.list_url(Job))
    assert "南宁导入" in text
    assert "柳州导入" not in text
    assert "1 / 4（25%）" in text
    files = page.html(page.list_url(JobFile))
    assert "南宁导入.csv" in files
    assert "柳州导入.csv" not in files
