"""One name per model: in the menu, in the title, in the path at the head, in the log."""

import html
import re
from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse

from config.admin_menu import MENU, navigation
from core.access.models import Role
from core.admin.words import NOUNS
from core.models import Case
from redemption.models import ExceptionItem
from redemption.settlement.models import Payout, SettlementBatch, Statement
from tests.factories.campaigns import campaign_live
from tests.factories.merchants import NANNING, PROVINCE
from tests.factories.world import world_make
from tests.support.admin import Staff

pytestmark = pytest.mark.django_db
HEAD = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)


def path_of(text: str) -> list[str]:
    """Return the parts of the path at the head of a page."""
    found = HEAD.search(text)
    assert found
    parts = re.findall(r"<(?:a|span) [^>]*truncate[^>]*>(.*?)</(?:a|span)>", found[1], re.DOTALL)
    return [html.unescape(part).strip() for part in parts]


def title_of(text: str) -> str:
    """Return the title of a page."""
    found = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    assert found
    return " ".join(html.unescape(found[1]).split())


def test_menu_title_and_path_say_the_same() -> None:
    world = world_make(NANNING)
    page = Staff.of(Role.AUDITOR, region=PROVINCE)
    request: Any = page.get("/admin/").wsgi_request
    menu = {
        str(item["link"]): (str(group["title"]), str(item["title"]))
        for group in navigation(request)
        for item in group["items"]
    }
    for _title, entries in MENU:
        for entry in entries:
            model = apps.get_model(entry.model)
            group, name = menu[page.list_url(model)]
            text = page.html(page.list_url(model))
            assert title_of(text) == f"{name} | 政府消费券平台", entry.model
            assert path_of(text) == [group, name], entry.model
            assert str(model._meta.verbose_name_plural) == name, entry.model
            for key in sorted(world.rows.get(model, ()), key=str)[:1]:
                row = model._default_manager.get(pk=key)
                assert path_of(page.html(page.page_url(row)))[:2] == [group, name], entry.model


def test_pages_with_a_form_stand_under_the_same_name() -> None:
    campaign_live()
    text = Staff.of(Role.SETTLEMENT_MAKER).html(reverse("admin:redemption_settlementbatch_build"))
    assert path_of(text)[:2] == ["结算与对账", "结算批次"]


def test_the_log_names_rows_as_their_pages_do() -> None:
    same = {
        "case": Case,
        "exception_item": ExceptionItem,
        "payout": Payout,
        "settlement_batch": SettlementBatch,
        "statement": Statement,
    }
    for noun, model in same.items():
        assert str(NOUNS[noun]) == str(model._meta.verbose_name)
