"""Sets the stage: acquirers, clients, merchants, and a campaign taken live by its staff.

Everything goes through the services and jobs that the admin uses.
"""

import csv
import io
from collections import defaultdict
from datetime import datetime
from uuid import UUID

from campaigns.models import Campaign, Funding, FundsMovement
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.funds import funds_movement_request
from campaigns.services.lifecycle import campaign_go_live
from campaigns.services.versions import campaign_submit
from campaigns.services.whitelists import whitelist_build, whitelist_submit
from core.access.models import Client, ClientKey, Organisation
from core.access.services import client_create, client_key_issue
from core.access.signing import SigningKey
from core.jobs.models import Job
from merchants.imports.columns import TITLES
from merchants.models import Acquirer, Store, Terminal
from merchants.services.acquirers import acquirer_create
from merchants.services.imports import merchants_import_start
from merchants.services.terminals import terminal_test_record
from redemption.rehearsal.crew import Crew
from redemption.rehearsal.world import ACQUIRERS, CHANNELS, PROVINCE, Person, Shop, World

Algorithm = ClientKey.Algorithm
FEE_BP = 38
RATE_PER_MINUTE = 600_000
SM3_CHANNEL = "gxbank"
"""One channel signs with the national algorithm, so that both are played."""


def clients_make(now: datetime) -> dict[str, SigningKey]:
    """Create a client with a key for every channel and every acquirer's tills."""
    keys: dict[str, SigningKey] = {}
    plans = [(code, Client.Kind.CHANNEL, f"channel-{code}") for code in CHANNELS]
    plans += [(code, Client.Kind.TERMINAL, code) for code in ACQUIRERS]
    for code, kind, organisation_code in plans:
        organisation = Organisation.objects.get(code=organisation_code)
        client = client_create(
            code=code,
            name=organisation.name,
            kind=kind,
            organisation=organisation,
            now=now,
            rate_per_minute=RATE_PER_MINUTE,
        )
        algorithm = Algorithm.HMAC_SM3 if code == SM3_CHANNEL else Algorithm.HMAC_SHA256
        issued = client_key_issue(client=client, now=now, algorithm=algorithm)
        keys[code] = SigningKey(
            client_id=code,
            key_id=issued.key.key_id,
            algorithm=issued.key.algorithm,
            secret=issued.secret.encode(),
        )
    return keys


def acquirers_make(now: datetime) -> None:
    """Register the acquirers with the usual terms (T+1, cut-off 23:00)."""
    for code in ACQUIRERS:
        organisation = Organisation.objects.get(code=code)
        acquirer_create(
            code=code,
            name=organisation.name,
            organisation=organisation,
            owner_region=PROVINCE,
            now=now,
            actor=None,
            fee_bp=FEE_BP,
        )


def merchant_lists(world: World, insiders: dict[int, Shop]) -> dict[str, bytes]:
    """Write each acquirer's list as it would report it; an insider is the contact of his shop."""
    contacts = {shop.uscc: world.people[number] for number, shop in insiders.items()}
    rows: dict[str, list[list[str]]] = defaultdict(list)
    for shop in world.shops:
        rows[shop.acquirer].append(_row(shop, contacts.get(shop.uscc)))
    return {acquirer: _csv(lines) for acquirer, lines in rows.items()}


_TITLES = (
    "merchant_name",
    "uscc",
    "merchant_no",
    "store_name",
    "address",
    "region",
    "mcc",
    "terminal_nos",
    "account_name",
    "account",
    "contact",
    "phone",
)


def _row(shop: Shop, contact: Person | None) -> list[str]:
    address = f"{shop.region_name}示意路{int(shop.terminal_no)}号"
    person = ["联系人", contact.mobile] if contact else ["", ""]
    return [
        shop.name,
        shop.uscc,
        shop.merchant_no,
        shop.name,
        address,
        shop.region,
        shop.mcc,
        shop.terminal_no,
        shop.name,
        shop.account,
        *person,
    ]


def _csv(lines: list[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([TITLES[key] for key in _TITLES])
    writer.writerows(lines)
    return text.getvalue().encode("gb18030")


def merchants_report(lists: dict[str, bytes], crew: Crew, now: datetime) -> list[Job]:
    """Hand the lists in; workers import them."""
    return [
        merchants_import_start(
            acquirer=Acquirer.objects.get(code=code),
            owner_region=PROVINCE,
            name=f"{code}.csv",
            chunks=[content],
            now=now,
            created_by=crew.user("mingdan"),
        )
        for code, content in lists.items()
    ]


def terminals_test(crew: Crew, now: datetime) -> None:
    """Record the voucher test of every till (验券测试)."""
    for terminal in Terminal.objects.filter(tested_at__isnull=True).order_by("pk"):
        terminal_test_record(
            terminal_id=terminal.pk, passed=True, now=now, actor=crew.user("mingdan")
        )


def store_numbers() -> dict[str, str]:
    """Return the platform's store number of every shop, by USCC."""
    return dict(Store.objects.values_list("merchant__uscc", "store_no"))


def campaign_prepare(document: dict[str, object], crew: Crew, now: datetime) -> Campaign:
    """Draft, submit and approve the campaign; put its list in force."""
    maker = crew.user("jingban")
    campaign = campaign_draft_save(document=document, actor=maker, now=now)
    approval = campaign_submit(campaign_id=campaign.pk, actor=maker, now=now)
    crew.approve(approval, "fuhe", now)
    whitelist = whitelist_build(
        campaign_id=campaign.pk,
        store_nos=Store.objects.order_by("store_no").values_list("store_no", flat=True),
        actor=crew.user("mingdan"),
        now=now,
    )
    listed = whitelist_submit(whitelist_id=whitelist.pk, actor=crew.user("mingdan"), now=now)
    crew.approve(listed, "mingdanfh", now)
    return campaign


def instalment_receive(campaign_id: UUID, *, part: int, of: int, crew: Crew, now: datetime) -> None:
    """Book instalment ``part`` of ``of`` of every prefunded funder; the last takes the rest."""
    for funding in Funding.objects.filter(campaign_id=campaign_id, mode="PREFUNDED"):
        each = funding.quota_fen // of
        amount = funding.quota_fen - each * (of - 1) if part == of else each
        approval = funds_movement_request(
            campaign_id=campaign_id,
            funder_id=funding.funder_id,
            kind=FundsMovement.Kind.RECEIVED,
            amount_fen=amount,
            document_no=f"演示拨付〔{now:%Y}〕{part}号",
            value_date=now.date(),
            actor=crew.user("jiesuan"),
            now=now,
        )
        crew.approve(approval, "jiesuanfh", now)


def campaign_start(campaign: Campaign, crew: Crew, now: datetime) -> None:
    """Take the campaign live."""
    campaign_go_live(campaign_id=campaign.pk, actor=crew.user("jingban"), now=now)
