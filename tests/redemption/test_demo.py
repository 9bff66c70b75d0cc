"""The 演示台: off unless switched on, prepared through the services, played through the API."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as DjangoClient
from pytest_django import Settings

from campaigns.models import Campaign
from campaigns.services.lifecycle import campaign_pause
from core import pii
from core.access.models import Client, ClientKey
from core.access.signing import SigningKey
from core.clock import TIME_ZONE
from redemption.demo.citizens import citizen_make
from redemption.demo.stage import Bench, bench_find, bench_prepare
from redemption.rehearsal.crew import crew_find, crew_make
from tests.factories.merchants import QINGXIU, store_make, terminal_make
from tests.support.api import ApiCaller
from tests.support.moments import business_time_set
from vouchers.services.releases import quota_release_open

NOW = datetime(2026, 5, 6, 10, 0, 30, tzinfo=TIME_ZONE)
PAGES = ("", "config", "citizen", "books")
API = "/api/v1"


@pytest.fixture
def bench(db: None, settings: Settings) -> Bench:
    settings.XFQ_DEMO = True
    business_time_set(NOW)
    terminal_make(store_make(region=QINGXIU))
    made = bench_prepare(crew=crew_make(NOW), now=NOW)
    quota_release_open(now=NOW)
    return made


def caller(client: DjangoClient, name: str) -> tuple[dict[str, Any], ApiCaller]:
    config = client.get("/demo/config").json()
    key = config[name]
    signing = SigningKey(key["client_id"], key["key_id"], key["algorithm"], key["secret"].encode())
    return config, ApiCaller(signing)


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_served_unless_switched_on(client: DjangoClient, page: str) -> None:
    assert client.get(f"/demo/{page}").status_code == 404


@pytest.mark.django_db
def test_page_says_how_to_prepare_it(client: DjangoClient, settings: Settings) -> None:
    settings.XFQ_DEMO = True
    response = client.get("/demo/")
    assert response.status_code == 200
    assert "demo_bench" in response.content.decode()
    assert client.get("/demo/config").status_code == 404
    assert client.post("/demo/").status_code == 405


def test_page_keeps_to_the_content_security_policy(client: DjangoClient, bench: Bench) -> None:
    response = client.get("/demo/")
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy
    text = response.content.decode()
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert text.count("<script") == text.count("<script src=")


def test_preparing_again_changes_nothing(bench: Bench) -> None:
    before = (Campaign.objects.count(), Client.objects.count(), ClientKey.objects.count())
    again = bench_prepare(crew=crew_find(), now=NOW + timedelta(days=1))
    assert again == bench
    assert (Campaign.objects.count(), Client.objects.count(), ClientKey.objects.count()) == before
    assert bench_find(now=bench.campaign.ends_at) is None


@pytest.mark.django_db
def test_books_go_on_while_claims_are_paused(client: DjangoClient, bench: Bench) -> None:
    maker = crew_find().user("jingban")
    campaign_pause(campaign_id=bench.campaign.pk, reason="演示暂停", actor=maker, now=NOW)
    assert bench_find(now=NOW) == bench
    assert client.get("/demo/books").status_code == 200
    assert "demo_bench" not in client.get("/demo/").content.decode()


def test_bench_that_ended_is_made_anew(bench: Bench) -> None:
    later = bench.campaign.ends_at + timedelta(hours=10)
    business_time_set(later)
    again = bench_prepare(crew=crew_find(), now=later)
    assert again.campaign.pk != bench.campaign.pk
    assert again.terminal == bench.terminal


@pytest.mark.django_db
def test_command_needs_the_demonstration(settings: Settings) -> None:
    with pytest.raises(CommandError, match="XFQ_DEMO"):
        call_command("demo_bench")
    settings.XFQ_DEMO = True
    with pytest.raises(CommandError, match="play it first"):
        call_command("demo_bench")


def test_citizens_are_valid_and_nobodys() -> None:
    citizens = [citizen_make() for _ in range(50)]
    for citizen in citizens:
        pii.pii_normalise(pii.DOCUMENT, citizen["document"])
        pii.pii_normalise(pii.MOBILE, citizen["mobile"])
        pii.pii_normalise(pii.DEVICE, citizen["device"])
        assert citizen["document"].startswith("459900")
    assert len({citizen["document"] for citizen in citizens}) == 50


def test_claim_pay_and_refund_move_the_books(client: DjangoClient, bench: Bench) -> None:
    config, phone = caller(client, "phone")
    _, till = caller(client, "till")
    citizen = client.get("/demo/citizen").json()
    person = phone.put(
        f"{API}/persons/{citizen['external_id']}",
        {
            "document": {"number": citizen["document"]},
            "mobile": citizen["mobile"],
            "devices": [citizen["device"]],
            "level": "REALNAME",
        },
    ).json()["person_id"]
    offers = phone.get(
        f"{API}/batches", {"campaign": config["campaign"], "person_id": person}
    ).json()["items"]
    assert [(one["name"], one["claimable"]) for one in offers] == [
        ("满100减30", True),
        ("满50减10", True),
    ]
    books = [_totals(client)]
    claim = {
        "person_id": person,
        "batch_id": offers[0]["batch_id"],
        "device": citizen["device"],
        "location": {"region_code": citizen["region_code"]},
    }
    voucher = phone.post(f"{API}/claims", claim).json()["vouchers"][0]
    books.append(_totals(client))
    phone.refused(phone.post(f"{API}/claims", claim), 409, "claim.person_limit")
    code = phone.post(
        f"{API}/persons/{person}/payment-codes",
        {"device": citizen["device"], "voucher_id": voucher["voucher_id"]},
    ).json()["payment_code"]
    payment = {
        "payment_code": code,
        "store_no": config["store_no"],
        "terminal_no": config["terminal_no"],
        "order_fen": 10_000,
        "flow": "MERCHANT_SCANS",
        "card_bin": "622848",
    }
    quote = till.post(f"{API}/redemptions/quote", payment, key="").json()
    assert quote["payable_fen"] == 7_000
    held = till.post(f"{API}/redemptions", {**payment, "order_no": "D1"}).json()
    paid = till.post(
        f"{API}/redemptions/{held['redemption_id']}/confirm",
        {"paid_fen": 7_000, "channel_trade_no": "T1", "paid_at": "2026-05-06T10:00:30+08:00"},
    ).json()
    books.append(_totals(client))
    assert [part["amount_fen"] for part in paid["funders"]] == [2_000, 700, 300]
    refund = till.post(
        f"{API}/redemptions/{held['redemption_id']}/refunds",
        {"refund_no": "R1", "order_fen": 5_000},
    )
    assert refund.status_code == 201, refund.content
    books.append(_totals(client))
    opened = 40 * (3_000 + 1_000)
    assert [one["RESERVED"] for one in books] == [opened, *[opened - 3_000] * 3]
    assert [one.get("OUTSTANDING", 0) for one in books] == [0, 3_000, 0, 0]
    assert [one.get("PAYABLE", 0) for one in books] == [0, 0, 2_700, 1_350]


def _totals(client: DjangoClient) -> dict[str, int]:
    books = client.get("/demo/books").json()
    assert [light["ok"] for light in books["lights"]] == [True, True, True]
    assert books["funders"] == ["自治区财政", "合作银行", "参与商户让利"]
    return {row["kind"]: row["total_fen"] for row in books["rows"]}
