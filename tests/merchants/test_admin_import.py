"""The page that imports an acquirer's list: job, result, error file, who may."""

import io
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from core.access.models import Role
from core.jobs.models import Job
from core.jobs.services import job_run
from merchants.errors import ImportFileRefusedError
from merchants.models import Acquirer, Merchant, Store
from merchants.services.imports import merchants_import_start, upload_path, upload_read
from tests.factories.merchants import (
    LIUZHOU,
    NANNING,
    PROVINCE,
    SINCE,
    acquirer_make,
    operator_make,
)
from tests.factories.staff import staff_make
from tests.merchants.lists import PHONE, csv_bytes, row
from tests.merchants.logins import login

pytestmark = pytest.mark.django_db


def upload(client: Client, acquirer: Acquirer, content: bytes, region: str = NANNING) -> Any:
    file = SimpleUploadedFile("商户表.csv", content, content_type="text/csv")
    page = reverse("admin:merchants_merchant_import_list")
    data = {"acquirer": str(acquirer.pk), "owner_region": region, "file": file}
    return client.post(page, data)


def test_import_page_to_job_to_rows(maker: Client) -> None:
    acquirer = acquirer_make()
    page = reverse("admin:merchants_merchant_import_list")
    shown = maker.get(page).content.decode()
    assert "统一社会信用代码" in shown
    assert upload(maker, acquirer, csv_bytes([row(1)])).status_code == 302
    job = Job.objects.get()
    assert (job.owner_region, job.title) == (NANNING, "导入商户表：商户表.csv")
    sealed = upload_path(job.params["upload"])
    assert PHONE.encode() not in sealed.read_bytes()
    done = job_run(job_id=job.pk, now=SINCE)
    assert done is not None
    assert (done.state, done.result["applied"], done.result["counts"]["merchants_new"]) == (
        "DONE",
        True,
        1,
    )
    assert done.message == "共 1 行：新增商户 1、门店 1、终端 2，变更收款方 0，其他更新 0"
    assert not sealed.exists()
    assert {file.name for file in done.files.all()} == {"门店编号.csv", "门店编号.xlsx"}
    assert Store.objects.get().store_no in download(maker, done, "门店编号.csv").decode("utf-8-sig")


def test_the_same_file_again_is_recognised(maker: Client) -> None:
    acquirer = acquirer_make()
    for _twice in range(2):
        upload(maker, acquirer, csv_bytes([row(1)]))
        job_run(job_id=Job.objects.order_by("-created_at", "-pk")[0].pk, now=SINCE)
    first, second = Job.objects.order_by("created_at", "pk")
    assert (first.result["repeated"], second.result["repeated"]) == (False, True)
    assert second.message == "与上次导入的文件相同，未作任何更改"
    assert not upload_path(second.params["upload"]).exists()


def test_the_error_file_names_row_column_and_reason(maker: Client) -> None:
    upload(maker, acquirer_make(), csv_bytes([row(1), row(2, MCC="0001", 收款账号="X")]))
    job = job_run(job_id=Job.objects.get().pk, now=SINCE)
    assert job is not None
    assert (job.state, job.result["applied"], job.result["problems"]) == ("DONE", False, 2)
    assert job.message == "文件有 2 处错误，未导入任何数据，请下载错误清单"
    assert not Merchant.objects.exists()
    assert download(maker, job, "导入错误.csv").decode("utf-8-sig").splitlines() == [
        "行号,列,原因",
        "3,MCC,商户类别码不存在",
        "3,收款账号,应为 8 至 32 位数字",
    ]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(download(maker, job, "导入错误.xlsx")))
    assert sheet.get_sheet_by_index(0).to_python()[1] == [3.0, "MCC", "商户类别码不存在"]
    elsewhere = login(Role.LIST_MAKER, region=LIUZHOU)
    file = job.files.first()
    assert file is not None
    assert elsewhere.get(reverse("job-file", args=(file.pk,))).status_code == 404


def test_import_of_an_operator_is_bound_to_its_acquirer() -> None:
    acquirer, other = acquirer_make(), acquirer_make()
    client = Client()
    client.force_login(operator_make(acquirer))
    assert upload(client, other, csv_bytes([row(1)]), PROVINCE).status_code == 200
    assert not Job.objects.exists()
    assert upload(client, acquirer, csv_bytes([row(1)]), PROVINCE).status_code == 302
    assert Job.objects.get().params["acquirer_id"] == str(acquirer.pk)


def test_import_needs_the_permission_the_region_and_the_token(maker: Client) -> None:
    acquirer = acquirer_make()
    checker = login(Role.LIST_CHECKER)
    assert upload(checker, acquirer, csv_bytes([row(1)])).status_code == 403
    assert upload(maker, acquirer, csv_bytes([row(1)]), LIUZHOU).status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff_make(Role.LIST_MAKER, region=NANNING))
    assert upload(strict, acquirer, csv_bytes([row(1)])).status_code == 403
    assert not Job.objects.exists()


def test_an_upload_over_the_limit_is_refused(
    maker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merchants.admin.imports.FILE_BYTES", 1 << 20)
    response = upload(maker, acquirer_make(), b"x" * ((1 << 20) + 100_000))
    assert "文件超过 1 MB" in response.content.decode()
    assert not Job.objects.exists()


def test_a_file_too_large_or_cleared_meanwhile_is_refused_by_the_service() -> None:
    acquirer, created_by = acquirer_make(), staff_make(Role.LIST_MAKER, region=NANNING)
    start = partial(
        merchants_import_start,
        acquirer=acquirer,
        owner_region=NANNING,
        name="商户表.csv",
        created_by=created_by,
        now=SINCE,
    )
    with pytest.raises(ImportFileRefusedError):
        start(chunks=(b"x" * (1 << 20) for _megabyte in range(21)))
    assert not Job.objects.exists()
    job = start(chunks=[csv_bytes([row(1)])])
    upload_path(job.params["upload"]).unlink()
    with pytest.raises(ImportFileRefusedError):
        upload_read(upload=job.params["upload"], key_version=job.params["key_version"])
    assert not Merchant.objects.exists()


def download(client: Client, job: Job, name: str) -> bytes:
    file = job.files.get(name=name)
    response = client.get(reverse("job-file", args=(file.pk,)))
    assert response.status_code == 200
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]
