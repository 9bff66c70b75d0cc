"""The draft page can say every field of a batch: the fields are those of the definition's types."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.forms import CharField
from django.test import Client
from msgspec import inspect

from campaigns.definition.document import Definition, definition_build
from campaigns.errors import DefinitionInvalidError
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from core.access.models import Role
from tests.factories.audiences import audience_make
from tests.factories.definitions import document_make
from tests.factories.merchants import PROVINCE
from tests.factories.running import BEFORE
from tests.factories.slices import channel_make
from tests.factories.staff import staff_make
from tests.vouchers.test_draft_editor import CREATE, edit_url, form_data, opened
from vouchers.admin.editor import BatchForm
from vouchers.definition.model import Batches, BatchSpec

pytestmark = pytest.mark.django_db
EXPANDED = "calendar"
"""Never in a saved document, which has the waves it expands into."""
TICKED = {"tiers", "industries", "flows", "excluded_goods"}
REFUSED = ("items", "excluded_items", "excluded_goods")
"""Fields of ``trigger.use`` that no valid definition has."""


def known(kind: inspect.Type, path: str = "") -> Iterator[str]:
    """Every field below a type, as ``rules.benefit[PERCENTAGE].rate_bp``."""
    if isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from known(member, path)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType):
        yield from known(kind.item_type, path)
    elif isinstance(kind, inspect.StructType):
        here = f"{path}[{kind.tag}]" if kind.tag else path
        for field in kind.fields:
            where = f"{here}.{field.name}".removeprefix(".")
            yield where
            yield from known(field.type, where)


def told(value: object, path: str = "") -> Iterator[str]:
    """Every field of a value that says something else than its default."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from told(one, path)
    elif isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        here = f"{path}[{tag}]" if tag else path
        for field in msgspec.structs.fields(value):
            found, where = getattr(value, field.name), f"{here}.{field.name}".removeprefix(".")
            if field.required or found != field.default:
                yield where
            yield from told(found, where)


def scope(**more: Any) -> dict[str, Any]:
    """A scope that says everything but goods."""
    return {
        "whitelist": False,
        "stores": ["450103000001", "450103000000"],
        "brands": ["youwei", "kfc"],
        "tiers": ["1A", "3A"],
        "hours": [{"opens": "18:00", "closes": "02:00", "weekdays": [6, 5]}, {"opens": "10:00"}],
        "regions": ["450103", "450100"],
        "industries": ["LODGING", "CATERING"],
        "flows": ["ONLINE", "MERCHANT_SCANS"],
        "card_bins": ["62", "621", "9558"],
        **more,
    }


def batch(code: str, benefit: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A batch of a face of 30.00, paid for by a bank: public money knows no tiers."""
    rules = {
        "benefit": benefit,
        "validity": {"mode": "HOURS", "value": 72},
        "limits": document_make()["batches"][0]["rules"]["limits"],
        **more.pop("rules", {}),
    }
    return {
        "code": code,
        "name": f"{code}券",
        "face_fen": 3_000,
        "units": 10,
        "funders": {"bank": 2, "merchants": 1},
        "releases": [{"slot": "2026-03-06T08:00:00+08:00", "units": 10}],
        "rules": rules,
        **more,
    }


def full_document() -> dict[str, Any]:
    """A valid document in which every field of a batch says something else than its default."""
    desk, channel = channel_make("DESK").code, channel_make().code
    audience_make("seniors", "老年人", region=PROVINCE)
    threshold = {"threshold_fen": 10_000, "basis": "AFTER_DISCOUNTS"}
    keys = ["DEVICE", "DOCUMENT"]
    group = {"scope": "GROUP", "window": "TOTAL", "count": 3, "keys": keys}
    full = batch(
        "full",
        {"type": "THRESHOLD", "face_multiple": 4, "basis": "AFTER_DISCOUNTS"},
        budget={"bank": 20_100, "merchants": 10_000},
        releases=[
            {
                "slot": "2026-03-06T08:00:00.500000+08:00",
                "units": 9,
                "closes_at": "2026-03-07T08:00:00+08:00",
                "channels": [{"client": desk, "units": 2}, {"client": channel, "units": 5}],
                "fall_back_at": "2026-03-06T20:00:00+08:00",
            }
        ],
        rules={
            "validity": {
                "mode": "FIXED_WINDOW",
                "fixed_from": "2026-03-10T00:00:00+08:00",
                "fixed_until": "2026-03-20T12:34:56+08:00",
                "starts": "NEXT_DAY",
            },
            "limits": [{"code": "per-group", "side": "CLAIM", "gives_back": True, **group}],
            "caps": [
                {"code": "c", "scope": "GROUP", "window": "WEEK", "units": 9, "amount_fen": 30_001}
            ],
            "use": scope(
                items=[
                    {"sku": "6901234567892", "name": "五常大米 5kg"},
                    {"category": "OIL", "name": "食用油"},
                ],
                excluded_items=[
                    {"sku": "6901234567899", "name": "试用装"},
                    {"category": "GIFT", "name": "礼品卡"},
                ],
                excluded_goods=["TOBACCO", "STORED_VALUE"],
            ),
            "location": {"at_claim": True, "at_use": True, "regions": ["450100", "440000"]},
            "device": {"persons": 8, "days": 14},
            "audience": {"code": "seniors", "name": "老年人", "contact": "社区"},
            "group": "餐饮",
            "refund_policy": "CASH_ONLY",
            "hold_seconds_till": 60,
            "hold_seconds_online": 600,
        },
    )
    back = batch(
        "back",
        {"type": "PERCENTAGE", "rate_bp": 1_225, "ceiling_fen": 600_000, **threshold},
        rules={
            "realname": False,
            "issuing": "RETURN",
            "trigger": {
                "source": "REDEMPTION",
                "from_fen": 20_000,
                "below_fen": 50_000,
                "batches": [{"batch": "item"}, {"batch": "full"}],
                "use": scope(),
            },
        },
    )
    steps = [{"from_fen": 10_000, "subsidy_fen": 1}, {"from_fen": 20_000, "subsidy_fen": 3_000}]
    inside = batch("inside", {"type": "NO_THRESHOLD"}, units=20, releases=[])
    inside["rules"] |= {"limits": [], "issuing": "PACK"}
    pack = {"type": "PACK", "parts": [{"batch": "inside", "quantity": 2}]}
    packed = batch("pack", pack, face_fen=6_000, funders={})
    two_waves = [{"slot": f"2026-03-{day}T08:00:00+08:00", "units": 5} for day in ("06", "13")]
    hotels = {"group": "住宿", "conflicts": ["加油"], "leftover": "NEXT_WAVE"}
    goods = {"type": "EXCHANGE", "sku": "69012", "name": "五常大米 5kg", "quantity": 2}
    drawn = {"type": "RANDOM", "min_fen": 1, **threshold}
    document = document_make(
        batches=[
            full,
            back,
            batch("item", goods, releases=two_waves, rules=hotels),
            batch("fuel", {"type": "TIERS", "tiers": steps, "basis": "ORDER"}),
            batch("drawn", drawn, rules={"issuing": "PAYMENT"}),
            packed,
            inside,
        ]
    )
    document["batches"][3]["rules"] |= {"group": "加油", "conflicts": ["住宿"]}
    for funder in document["funders"]:
        funder["quota_fen"] = 1_000_000
    return document


def saved(code: str) -> dict[str, Any]:
    document: dict[str, Any] = Campaign.objects.get(code=code).draft
    return document


def maker() -> Client:
    client = Client()
    client.force_login(staff_make(Role.CAMPAIGN_MAKER, region=PROVINCE))
    return client


def of(definition: Definition) -> list[BatchSpec]:
    batches: list[BatchSpec] = definition.values["batches"]
    return batches


def test_the_document_of_these_tests_says_every_field_there_is() -> None:
    fields = set(known(inspect.type_info(Batches)))
    assert {"rules.benefit[RANDOM].min_fen", "releases.channels.units"} <= fields
    said = set(told(of(definition_build(full_document()))))
    never = {one for one in fields if one.split(".")[0] == EXPANDED}
    refused = tuple(f"rules.trigger.use.{name}" for name in REFUSED)
    never |= {one for one in fields if one.startswith(refused)}
    assert fields - said == never


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_page_cannot_say_about_purchases_no_definition_can(name: str) -> None:
    document = full_document()
    use = document["batches"][1]["rules"]["trigger"]["use"]
    use[name] = document["batches"][0]["rules"]["use"][name]
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(document)
    assert [param.name for param in refused.value.invalid_params] == [
        "batches[1].rules.trigger.use"
    ]


def test_every_field_passes_through_the_page_unchanged() -> None:
    document = full_document()
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    before, client = saved(campaign.code), maker()
    data = form_data(client.get(edit_url(campaign)))
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved(campaign.code) == before == definition_build(document).document()


def test_every_field_can_be_said_on_an_empty_page() -> None:
    """What the page sends for one campaign drafts another: nothing but the forms says it."""
    campaign = campaign_draft_save(document=full_document(), actor=None, now=BEFORE)
    client = maker()
    data = form_data(client.get(edit_url(campaign)))
    data |= {"campaign-code": "another", "campaign-owner_region": PROVINCE}
    assert client.post(CREATE, data).status_code == 302
    drafted = unordered(saved("another"))
    assert drafted == unordered(saved(campaign.code) | {"code": "another"})


def unordered(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what is ticked in order: of new ones the page has its own."""
    for one in document["batches"]:
        for rules in (one["rules"], one["rules"]["trigger"] or {}):
            for name in TICKED & rules.get("use", {}).keys():
                rules["use"][name].sort()
    return document


def test_a_calendar_is_typed_in_and_saved_as_its_waves() -> None:
    document = full_document()
    (client_code, _units) = document["batches"][0]["releases"][0]["channels"][0].values()
    calendar = {
        "times": ["10:00", "20:00"],
        "units": 9,
        "weekdays": [5, 6],
        "dates": ["2026-03-11", "2026-03-12"],
        "rrule": "FREQ=MONTHLY;BYMONTHDAY=18",
        "open_hours": 4,
        "channels": [{"client": client_code, "units": 4}],
        "fall_back_hours": 2,
    }
    fields = {one for one in known(inspect.type_info(Batches)) if one.startswith("calendar.")}
    assert {one.split(".")[1] for one in fields} == calendar.keys()
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    client = maker()
    data = form_data(client.get(edit_url(campaign)))
    data |= {
        "batches-0-releases": "",
        "batches-0-calendar": "10:00,20:00 9 星期 5,6 日期 2026-03-11,2026-03-12 "
        f"规则 FREQ=MONTHLY;BYMONTHDAY=18 时长 4 {client_code}:4 回流 2",
    }
    assert client.post(edit_url(campaign), data).status_code == 302
    document["batches"][0] |= {"releases": [], "calendar": calendar}
    assert saved(campaign.code) == definition_build(document).document()
    assert len(saved(campaign.code)["batches"][0]["releases"]) == 9


@pytest.mark.parametrize(
    "line",
    [
        "10:00",
        "10:00 many",
        "10:00 9 星期",
        "10:00 9 星期 五",
        "10:00 9 时长 4 时长 5",
        "10:00 9 x",
    ],
)
def test_a_calendar_that_says_something_else_is_refused(line: str) -> None:
    campaign = campaign_draft_save(document=full_document(), actor=None, now=BEFORE)
    before, client = saved(campaign.code), maker()
    data = form_data(client.get(edit_url(campaign)))
    data |= {"batches-0-releases": "", "batches-0-calendar": line}
    page = client.post(edit_url(campaign), data)
    assert page.status_code == 200
    assert "应为：时点 总张数" in page.content.decode()
    assert saved(campaign.code) == before


def test_a_budget_is_computed_anew_unless_another_one_is_said() -> None:
    campaign = campaign_draft_save(document=full_document(), actor=None, now=BEFORE)
    client = maker()
    data = form_data(client.get(edit_url(campaign)))
    assert data["batches-0-budget"] == "bank:201.00 merchants:100.00"
    data |= {"batches-0-units": "12"}
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved(campaign.code)["batches"][0]["budget"] == {"bank": 24_000, "merchants": 12_000}
    data |= opened() | {"batches-0-units": "11", "batches-0-budget": "bank:300 merchants:200.5"}
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved(campaign.code)["batches"][0]["budget"] == {"bank": 30_000, "merchants": 20_050}


def test_a_page_of_many_batches_is_not_too_large_to_save() -> None:
    """More fields than a server takes unless it is told (DATA_UPLOAD_MAX_NUMBER_FIELDS)."""
    many = [batch(f"b{number}", {"type": "NO_THRESHOLD"}) for number in range(25)]
    document = document_make(batches=many)
    for funder in document["funders"]:
        funder["quota_fen"] = 1_000_000
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    before, client = saved(campaign.code), maker()
    data = form_data(client.get(edit_url(campaign)))
    texts = [name for name, field in BatchForm.base_fields.items() if isinstance(field, CharField)]
    blank = {f"batches-{number}-{name}": "" for number in range(25) for name in texts}
    assert len(blank | data) > 1_000
    assert client.post(edit_url(campaign), blank | data).status_code == 302
    assert saved(campaign.code) == before
