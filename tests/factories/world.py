"""One region's whole programme in small: at least one row of every table, for tests of pages.

here = world_make(NANNING)      # `here.rows[Voucher]` … what was made
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model

from campaigns.models import FundsMovement
from core.access.models import Role
from core.access.services import client_key_issue
from core.audit.services import audit_record
from core.clock import wall
from core.ids import new_id
from core.jobs.models import Job, JobFile, ScheduledTick
from core.models import Case, Delivery, Entry, Hit, OutboxEvent, RuleParameter
from merchants.models import Transaction
from redemption.models import (
    BankLine,
    Discrepancy,
    ExceptionItem,
    FrozenFact,
    MerchantRepayment,
    PaymentCode,
    ReconDay,
    ReconFile,
    ReconRow,
    Redemption,
    RedemptionStep,
    Reward,
    Statement,
)
from tests.factories.audiences import (
    agreed,
    audience_make,
    document_number,
    documents,
    enrolled,
    list_made,
)
from tests.factories.campaigns import OPENED_AT, approval_make, campaign_live, later
from tests.factories.claims import vouchers_issued
from tests.factories.controls import control_made
from tests.factories.merchants import (
    LIUBEI,
    LIUZHOU,
    NANNING,
    QINGXIU,
    acquirer_client,
    acquirer_make,
    brand_make,
    merchant_make,
    merchant_staff_make,
    store_make,
    terminal_make,
)
from tests.factories.persons import enrolment_make
from tests.factories.redemption import Shop, confirmed_make, held_make
from tests.factories.staff import staff_make
from tests.redemption.settlement.factories import DAY, MONDAY, built, paid
from vouchers.grants.staging import people_digest
from vouchers.identity import identity_token
from vouchers.models import Grant, GrantChunk, IdentityHash

APPS = ("core", "merchants", "campaigns", "vouchers", "redemption")
COUNTY = {NANNING: QINGXIU, LIUZHOU: LIUBEI}
NAMES = {NANNING: "南宁", LIUZHOU: "柳州"}


@dataclass(frozen=True, slots=True)
class World:
    """What one region has; ``rows`` are the keys of the rows made, by model."""

    region: str
    shop: Shop
    rows: Mapping[type[Model], frozenset[Any]]


def project_models() -> list[type[Model]]:
    """Return every model of the project's rooms."""
    return [model for app in APPS for model in apps.get_app_config(app).get_models()]


def _keys() -> dict[type[Model], frozenset[Any]]:
    return {
        model: frozenset(model._default_manager.values_list("pk", flat=True))
        for model in project_models()
    }


def world_make(region: str) -> World:
    """Make a region's programme; every name carries the region's."""
    before = _keys()
    shop = shop_in(region)
    people = [enrolment_make(shop.client, region=region) for _person in range(4)]
    vouchers = vouchers_issued(shop.batch, 4, at=OPENED_AT, enrolments=people)
    facts = [confirmed_make(shop, voucher) for voucher in vouchers[:2]]
    held_make(shop, vouchers[2])
    _persons(shop, people[0])
    _grant(shop, [person.pk for person in people])
    _audience(shop)
    _control(shop)
    batch = paid(built(shop))
    _settlement(shop, facts, batch.payouts.get())
    _kernel(shop, facts)
    after = _keys()
    return World(region, shop, {model: after[model] - before[model] for model in after})


def shop_in(region: str) -> Shop:
    """Return a live campaign of a region with one store and till there."""
    name = NAMES[region]
    merchant = merchant_make(region=region, name=f"{name}测试商户")
    merchant.brand = brand_make(f"{name}品牌")
    merchant.save()
    store = store_make(merchant, region=COUNTY[region], name=f"{name}测试门店")
    terminal = terminal_make(store, acquirer_make(region=region, name=f"{name}收单机构"))
    merchant_staff_make(merchant, key_kind="MOBILE", key_hash=f"{region:0<64}")
    live = campaign_live(code=f"world-{region}", region=region, stores=[store])
    return Shop(live, terminal, acquirer_client(terminal.acquirer))


def _persons(shop: Shop, person: Any) -> None:
    key = person.keys.get(kind="DEVICE").key
    IdentityHash.objects.create(key=key, kind=key.kind, pepper_version=1, key_hash=f"{key.pk:064d}")
    PaymentCode.objects.create(
        code_hash=f"{person.pk.hex:0<64}",
        numeric_hash=f"{person.pk.hex:1<64}",
        client=person.client,
        enrolment=person,
        device_key_id=key.pk,
        created_at=OPENED_AT,
        expires_at=later(minutes=1),
    )


def _audience(shop: Shop) -> None:
    region = shop.live.campaign.owner_region
    place = int(region[:4]) % 1_000
    enrolled(shop.client, [place])
    audience = audience_make(f"world-{region}", f"{NAMES[region]}人群", region=region)
    agreed(list_made(audience, documents(place)))


def _control(shop: Shop) -> None:
    region = shop.live.campaign.owner_region
    document = document_number(int(region[:4]) % 1_000)
    control_made(identity_token("DOCUMENT", document), region=region)


def _grant(shop: Shop, people: list[UUID]) -> None:
    region = shop.live.campaign.owner_region
    grant = Grant.objects.create(
        batch=shop.batch,
        client=shop.client,
        name=f"{NAMES[region]}名单.csv",
        file_sha256=f"{region:0<64}",
        rows=len(people),
        people=len(people),
        owner_region=region,
        created_by=staff_make(Role.CAMPAIGN_MAKER, region=region),
        created_at=OPENED_AT,
    )
    GrantChunk.objects.create(
        grant=grant,
        number=1,
        size=len(people),
        lines=list(range(1, len(people) + 1)),
        people=people,
    )
    grant.people_sha256, grant.state = people_digest(grant.pk), "DRAFT"
    grant.save(update_fields=["people_sha256", "state"])


def _settlement(shop: Shop, facts: list[UUID], payout: Any) -> None:
    region = shop.live.campaign.owner_region
    maker = staff_make(Role.SETTLEMENT_MAKER, region=region)
    step = RedemptionStep.objects.get(redemption=facts[0], kind="CONFIRM")
    place = {"owner_region": region}
    day = ReconDay.objects.create(acquirer=shop.terminal.acquirer, business_date=DAY, **place)
    file = ReconFile.objects.create(
        kind=ReconFile.Kind.ACQUIRER,
        acquirer=shop.terminal.acquirer,
        day=day,
        name=f"{NAMES[region]}.txt",
        sha256=f"{region:0<64}",
        row_count=1,
        imported_by=maker,
        imported_at=MONDAY,
        **place,
    )
    row = ReconRow.objects.create(
        file=file,
        row_no=1,
        kind=ReconRow.Kind.PAY,
        trade_no=f"T{region}",
        merchant_no="898000000000001",
        terminal_no="00000001",
        trace_no="000001",
        traded_at=OPENED_AT,
        order_fen=10_000,
        discount_fen=3_000,
    )
    Discrepancy.objects.create(
        day=day,
        kind=Discrepancy.Kind.AMOUNT_DIFFERS,
        row=row,
        fact=step,
        redemption_id=facts[0],
        ours_fen=3_000,
        theirs_fen=2_900,
        amount_fen=100,
        found_at=MONDAY,
        **place,
    )
    assert BankLine.objects.filter(payout=payout).exists()
    entry = Entry.objects.filter(campaign_id=shop.live.campaign.pk).latest("pk")
    MerchantRepayment.objects.create(
        campaign=shop.live.campaign,
        payee=payout.payee,
        funder=shop.live.funders[0],
        amount_fen=100,
        document_no=f"HD{region}",
        value_date=DAY,
        entry=entry,
        recorded_by=maker,
        at=MONDAY,
        **place,
    )
    sale = _sale(shop)
    Reward.objects.create(
        source=Reward.Source.TRANSACTION,
        source_id=sale.pk,
        batch=shop.batch,
        enrolment=enrolment_make(shop.client, region=region),
        state=Reward.State.REFUSED,
        refusals=["claim.sold_out"],
        order_fen=sale.order_fen,
        from_fen=8_000,
        at=MONDAY,
        **place,
    )
    ExceptionItem.objects.create(
        kind=ExceptionItem.Kind.MISSING_FILE,
        subject_id=f"{NAMES[region]}对账文件",
        opened_at=MONDAY,
        **place,
    )
    job = Job.objects.create(
        kind="test", title=f"{NAMES[region]}日报", created_at=MONDAY, created_by=maker, **place
    )
    stored = JobFile.objects.create(
        job=job,
        role="result",
        name=f"{NAMES[region]}.csv",
        path=f"none/{region}",
        sha256="0" * 64,
        size=1,
        created_at=MONDAY,
    )
    Statement.objects.create(
        kind=Statement.Kind.ACQUIRER,
        form=Statement.Form.CSV,
        campaign=shop.live.campaign,
        acquirer=shop.terminal.acquirer,
        business_date=DAY,
        file=stored,
        created_at=MONDAY,
        **place,
    )


def _sale(shop: Shop) -> Transaction:
    """Report a purchase without a voucher."""
    merchant = shop.store.merchant
    return Transaction.objects.create(
        client=shop.client,
        idempotency_key=f"sale-{shop.store.pk.hex}",
        fingerprint="0" * 64,
        transaction_no=f"S{merchant.owner_region}",
        kind=Transaction.Kind.PURCHASE,
        acquirer=shop.terminal.acquirer,
        merchant=merchant,
        store=shop.store,
        terminal=shop.terminal,
        owner_region=merchant.owner_region,
        store_region=shop.store.region_code,
        flow="ONLINE",
        order_fen=10_000,
        traded_at=MONDAY,
        at=MONDAY,
    )


def _kernel(shop: Shop, facts: list[UUID]) -> None:
    region, campaign = shop.live.campaign.owner_region, shop.live.campaign
    case = Case.objects.create(
        campaign_id=campaign.pk,
        subject_type="STORE",
        subject_id=str(shop.store.pk),
        subject_label=shop.store.name,
        owner_region=region,
        store_region=shop.store.region_code,
        opened_at=OPENED_AT,
        due_on=DAY,
    )
    Hit.objects.create(
        rule="FM6",
        rule_version=1,
        family="TIME",
        campaign_id=campaign.pk,
        subject_type="STORE",
        subject_id=str(shop.store.pk),
        window_from=OPENED_AT,
        window_until=later(hours=1),
        evidence={"redemptions": 2, "subsidy_fen": 6_000, "against": {"days": 1}},
        fact_ids=[str(fact) for fact in facts],
        case=case,
        at=MONDAY,
    )
    RuleParameter.objects.create(
        rule="FM6", version=1, campaign_id=campaign.pk, values={}, created_at=MONDAY
    )
    redemption = Redemption.objects.get(pk=facts[1])
    step = redemption.steps.get(kind="CONFIRM")
    FrozenFact.objects.create(
        fact=step,
        redemption=redemption,
        case=case,
        campaign=campaign,
        payee=redemption.payee,
        mode=FrozenFact.Mode.NEXT_PAYOUT,
        funder_ids=step.funder_ids,
        parts=[0] * len(step.parts),
        amount_fen=0,
        owner_region=region,
        store_region=shop.store.region_code,
        frozen_at=MONDAY,
    )
    approval = approval_make("test", region=region)
    FundsMovement.objects.create(
        campaign=campaign,
        funder=shop.live.funders[0],
        kind=FundsMovement.Kind.RECEIVED,
        amount_fen=100,
        document_no=f"桂财〔2026〕{region}号",
        value_date=DAY,
        approval=approval,
        entry_id=new_id(),
        owner_region=region,
        at=MONDAY,
    )
    client_key_issue(client=shop.client, now=wall())
    audit_record(
        action="test.done",
        subject_type="test",
        subject_id=f"{NAMES[region]}事项",
        now=MONDAY,
        owner_region=region,
    )
    event = OutboxEvent.objects.create(
        event_id=new_id(),
        topic="test",
        aggregate_type="test",
        aggregate_id=region,
        at=MONDAY,
        recorded_at=wall(),
    )
    Delivery.objects.create(event=event, consumer="test", run_at=wall())
    ScheduledTick.objects.create(job=f"test.{region}", tick_at=MONDAY, claimed_at=wall())
