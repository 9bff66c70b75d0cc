"""What pages say to staff: names, numbers and times in Beijing, never a bare id."""

import re
from operator import attrgetter

import pytest
from django.contrib import admin
from django.utils.timezone import localtime

from core.access.models import Role
from core.ids import to_public
from redemption.models import (
    FrozenFact,
    RedemptionLine,
    RedemptionStep,
    SettlementItem,
)
from tests.factories.merchants import NANNING, PROVINCE
from tests.factories.world import World, project_models, world_make
from tests.support.admin import Staff, path_of, title_of
from vouchers.models import Claim, Enrolment, QuotaSlice, Voucher

pytestmark = pytest.mark.django_db

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UTC = re.compile(r"\d\d:\d\d(:\d\d)?(\.\d+)?(\+00:00|Z)")
CELL = re.compile(r"<(?:td|th)\b[^>]*>(.*?)</(?:td|th)>", re.DOTALL)
TECHNICAL = {"OutboxEvent", "Delivery", "AuditEvent", "Hit"}
"""Their lists name rows of any kind, of which only the id is known."""


def cells_of(text: str) -> list[str]:
    """Return what the cells of the tables on a page say."""
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in CELL.findall(text)]


@pytest.fixture
def world() -> World:
    return world_make(NANNING)


def test_rows_are_called_by_a_name_a_number_or_a_time(world: World) -> None:
    page = Staff.of(Role.AUDITOR, region=PROVINCE)
    bare = {}
    for model in project_models():
        if model not in admin.site._registry or not world.rows[model]:
            continue
        row = model._default_manager.get(pk=min(world.rows[model], key=str))
        text = page.html(page.page_url(row))
        said = f"{title_of(text)} {path_of(text)[-1]}"
        if model.__name__ != "OutboxEvent" and (UUID.search(said) or UTC.search(said)):
            bare[model.__name__] = said
    assert bare == {}


def test_lists_show_no_ids_of_the_database(world: World) -> None:
    page = Staff.of(Role.AUDITOR, region=PROVINCE)
    bare = {}
    for model in project_models():
        if model not in admin.site._registry or model.__name__ in TECHNICAL:
            continue
        cells = cells_of(page.html(page.list_url(model)))
        found = [cell for cell in cells if UUID.search(cell) or cell in {"ID", "Id"}]
        if found:
            bare[model.__name__] = found[0]
    assert bare == {}


def test_every_row_of_a_list_can_be_opened(world: World) -> None:
    page = Staff.of(Role.AUDITOR, region=PROVINCE)
    nested = set()
    for model in project_models():
        if model in admin.site._registry:
            for cell in CELL.findall(page.html(page.list_url(model))):
                if re.search(r"<a [^>]*>\s*<a ", cell):  # a browser leaves the outer one empty
                    nested.add(model.__name__)
    assert nested == set()


def test_a_wave_is_named_by_its_time_in_beijing(world: World) -> None:
    page = Staff.of(Role.AUDITOR, region=PROVINCE)
    piece = QuotaSlice.objects.select_related("release").first()
    assert piece is not None
    slot = f"{localtime(piece.release.slot):%Y-%m-%d %H:%M}"
    assert slot in title_of(page.html(page.page_url(piece.release)))
    assert any(slot in cell for cell in cells_of(page.html(page.list_url(QuotaSlice))))


def test_the_number_a_page_shows_finds_the_row_on_every_list(world: World) -> None:
    page = Staff.of(Role.AUDITOR, region=PROVINCE)
    rows = (
        (RedemptionStep, "rdm", "redemption_id"),
        (RedemptionLine, "rdm", "redemption_id"),
        (SettlementItem, "rdm", "fact.redemption_id"),
        (FrozenFact, "rdm", "redemption_id"),
        (Claim, "clm", "pk"),
        (Voucher, "vch", "pk"),
        (Enrolment, "per", "pk"),
    )
    for model, prefix, path in rows:
        row = model._default_manager.first()
        assert row is not None
        shown = to_public(prefix, attrgetter(path)(row))
        text = page.html(page.list_url(model), {"q": f" {shown} "})
        assert f'value="{row.pk}"' in text, model
