"""Pages that say no: in Chinese, with a way back; problem documents under /api/."""

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.template.loader import get_template
from django.test import Client as DjangoClient

from core.access.models import Role
from tests.support.admin import Staff

pytestmark = pytest.mark.django_db


def test_an_unknown_address_is_answered_in_chinese(client: DjangoClient) -> None:
    response = client.get("/nosuch")
    text = response.content.decode()
    assert response.status_code == 404
    assert "没有找到这个页面" in text
    assert "返回工作台" in text
    assert "Not Found" not in text


def test_a_page_without_the_right_is_answered_in_chinese() -> None:
    response = Staff.of(Role.RISK_MAKER).get("/admin/core/auditevent/")
    text = response.content.decode()
    assert response.status_code == 403
    assert "没有权限" in text
    assert "Forbidden" not in text


def test_the_api_answers_with_a_problem(client: DjangoClient) -> None:
    response = client.get("/api/v1/nosuch")
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_a_fault_of_our_own_has_a_page_that_needs_nothing(client: DjangoClient) -> None:
    assert "系统出错" in get_template("500.html").render()


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (OperationalError("gone"), 503, "系统暂时无法使用"),
        (RuntimeError("a fault"), 500, "系统出错"),
    ],
)
def test_a_page_without_a_database_asks_to_come_again(
    client: DjangoClient, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, words: str
) -> None:
    def fail(*_arguments: object, **_names: object) -> None:
        raise fault

    monkeypatch.setattr(get_user_model()._default_manager.__class__, "get_queryset", fail)
    client.raise_request_exception = False
    response = client.post("/admin/login/", {"username": "anna", "password": "secret"})
    assert response.status_code == status
    assert words in response.content.decode()
    assert ("Retry-After" in response) is (status == 503)
