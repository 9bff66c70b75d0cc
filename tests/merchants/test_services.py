"""Services of the merchants room: exact changes, refusals that change nothing, audited reasons."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.forms.models import model_to_dict

from core.access.models import Organisation, User
from core.audit.models import AuditEvent
from core.clock import TIME_ZONE
from core.errors import DomainError, InvalidParametersError
from core.states import StateConflictError
from merchants import services
from merchants.errors import (
    AcquirerCodeTakenError,
    AcquirerOrganisationTakenError,
    BrandNameTakenError,
    MerchantRegisteredElsewhereError,
    MerchantRemovedError,
    NotFoundError,
    PayeeMissingError,
    PayeeNumberTakenError,
    ReasonRequiredError,
    TerminalTakenError,
    TerminalUntestedError,
)
from merchants.models import Acquirer, Brand, Merchant, Payee, Store
from tests.factories.merchants import (
    LIUZHOU,
    NANNING,
    QINGXIU,
    acquirer_make,
    merchant_make,
    merchant_no_make,
    organisation_make,
    payee_make,
    store_make,
    terminal_make,
    uscc_make,
)
from tests.factories.staff import staff_make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 10, 0, tzinfo=TIME_ZONE)
ACCOUNT = "6222021234567890123"


@pytest.fixture
def actor() -> User:
    return staff_make()


def test_acquirer_create_has_default_terms_and_is_recorded(actor: User) -> None:
    organisation = organisation_make(Organisation.Kind.ACQUIRER)
    acquirer = services.acquirer_create(
        code="gx-ums",
        name="广西银联商务",
        organisation=organisation,
        owner_region="450000",
        now=NOW,
        actor=actor,
    )
    acquirer.refresh_from_db()
    assert (acquirer.term_unit, acquirer.term_days, acquirer.cutoff) == ("T", 1, time(23, 0))
    event = AuditEvent.objects.get(action="acquirer.create", subject_id=str(acquirer.pk))
    assert (event.actor, event.at, event.owner_region) == (actor, NOW, "450000")


@pytest.mark.parametrize("kind", [Organisation.Kind.BUREAU, Organisation.Kind.BANK])
def test_acquirer_create_refuses_other_organisations(kind: str, actor: User) -> None:
    with pytest.raises(InvalidParametersError):
        services.acquirer_create(
            code="x",
            name="x",
            organisation=organisation_make(kind),
            owner_region="450000",
            now=NOW,
            actor=actor,
        )
    assert not Acquirer.objects.exists()


def test_acquirer_create_refuses_a_second_one(actor: User) -> None:
    first = acquirer_make()
    other = organisation_make(Organisation.Kind.ACQUIRER)
    common: dict[str, Any] = {
        "name": "又一家",
        "owner_region": "450000",
        "now": NOW,
        "actor": actor,
    }
    with pytest.raises(AcquirerCodeTakenError):
        services.acquirer_create(code=first.code, organisation=other, **common)
    with pytest.raises(AcquirerOrganisationTakenError):
        services.acquirer_create(code="new", organisation=first.organisation, **common)
    assert Acquirer.objects.count() == 1


def test_merchant_upsert_registers_and_changes_only_what_differs(actor: User) -> None:
    uscc = uscc_make()
    merchant = services.merchant_upsert(
        uscc=uscc, owner_region=NANNING, name="老友粉店", mcc="5812", now=NOW, actor=actor
    )
    assert merchant.industry == Merchant.Industry.CATERING
    again = services.merchant_upsert(
        uscc=uscc, owner_region=NANNING, name="老友粉店", mcc="5812", now=NOW, actor=actor
    )
    assert again.pk == merchant.pk
    assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["merchant.create"]
    services.merchant_upsert(uscc=uscc, owner_region=NANNING, mcc="5411", now=NOW, actor=actor)
    merchant.refresh_from_db()
    assert (merchant.name, merchant.mcc, merchant.industry) == ("老友粉店", "5411", "SUPERMARKET")
    event = AuditEvent.objects.get(action="merchant.update")
    assert event.data == {
        "mcc": {"old": "5812", "new": "5411"},
        "industry": {"old": "CATERING", "new": "SUPERMARKET"},
    }


@pytest.mark.parametrize(
    ("uscc", "mcc"),
    [
        ("91450100MA00000017", "5812"),
        ("9145010MA0000001X", "5812"),
        ("91450100ma0000001x", "5812"),
        (None, "0000"),
        (None, "581"),
    ],
)
def test_merchant_upsert_refuses_wrong_codes(uscc: str | None, mcc: str, actor: User) -> None:
    with pytest.raises(InvalidParametersError):
        services.merchant_upsert(
            uscc=uscc or uscc_make(),
            owner_region=NANNING,
            name="x",
            mcc=mcc,
            now=NOW,
            actor=actor,
        )
    assert not Merchant.objects.exists()
    assert not AuditEvent.objects.exists()


def test_another_bureau_cannot_change_a_merchant(actor: User) -> None:
    merchant = merchant_make(region=NANNING, name="南宁商户")
    with pytest.raises(MerchantRegisteredElsewhereError):
        services.merchant_upsert(
            uscc=merchant.uscc,
            owner_region=LIUZHOU,
            name="柳州商户",
            mcc="5812",
            now=NOW,
            actor=actor,
        )
    merchant.refresh_from_db()
    assert (merchant.name, merchant.owner_region) == ("南宁商户", NANNING)


def test_suspend_resume_remove_with_reason(actor: User) -> None:
    merchant = merchant_make()
    services.merchant_suspend(merchant_id=merchant.pk, reason=" 套现嫌疑 ", now=NOW, actor=actor)
    services.merchant_suspend(merchant_id=merchant.pk, reason="再次", now=NOW, actor=actor)
    services.merchant_resume(merchant_id=merchant.pk, reason="核查无误", now=NOW, actor=actor)
    services.merchant_remove(merchant_id=merchant.pk, reason="违约", now=NOW, actor=actor)
    merchant.refresh_from_db()
    assert merchant.state == Merchant.State.REMOVED
    assert list(AuditEvent.objects.order_by("pk").values_list("action", "reason")) == [
        ("merchant.suspend", "套现嫌疑"),
        ("merchant.resume", "核查无误"),
        ("merchant.remove", "违约"),
    ]


def test_a_removed_merchant_stays_removed(actor: User) -> None:
    merchant = merchant_make(state=Merchant.State.REMOVED)
    with pytest.raises(StateConflictError):
        services.merchant_resume(merchant_id=merchant.pk, reason="x", now=NOW, actor=actor)
    with pytest.raises(MerchantRemovedError):
        services.merchant_update(merchant_id=merchant.pk, name="改名", now=NOW, actor=actor)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE merchants_merchant SET state = 'ACTIVE' WHERE id = %s", [merchant.pk]
        )
    merchant.refresh_from_db()
    assert merchant.state == Merchant.State.REMOVED
    assert not AuditEvent.objects.exists()


def test_a_state_change_needs_a_reason(actor: User) -> None:
    merchant = merchant_make()
    with pytest.raises(ReasonRequiredError):
        services.merchant_suspend(merchant_id=merchant.pk, reason="  ", now=NOW, actor=actor)
    merchant.refresh_from_db()
    assert merchant.state == Merchant.State.ACTIVE


def test_store_upsert_counts_a_place_once(actor: User) -> None:
    merchant = merchant_make()
    arguments: dict[str, Any] = {
        "merchant_id": merchant.pk,
        "region_code": QINGXIU,
        "owner_region": NANNING,
        "now": NOW,
        "actor": actor,
    }
    store_make(region=QINGXIU)  # loads the region where the tables are bare
    first = services.store_upsert(name="万象城 店", address="民族大道136号", **arguments)
    second = services.store_upsert(name=" 万象城　店", address="民族大道138号", **arguments)
    assert first.pk == second.pk
    assert first.store_no.startswith(QINGXIU)
    assert len(first.store_no) == 20
    second.refresh_from_db()
    assert second.address == "民族大道138号"
    assert Store.objects.filter(merchant=merchant).count() == 1


def test_the_database_keeps_a_place_single() -> None:
    store = store_make()
    with pytest.raises(IntegrityError), transaction.atomic():
        store_make(store.merchant, region=store.region_code, name=store.name)


def test_store_update_checks_values(actor: User) -> None:
    store = store_make(longitude="108.366543")
    with pytest.raises(InvalidParametersError):
        services.store_update(store_id=store.pk, longitude=Decimal("1234.5"), now=NOW, actor=actor)
    store.refresh_from_db()
    assert store.longitude == Decimal("108.366543")
    with pytest.raises(NotFoundError):
        services.store_update(store_id=merchant_make().pk, name="x", now=NOW, actor=actor)


def test_payee_set_keeps_history_and_no_raw_account(actor: User) -> None:
    merchant, acquirer = merchant_make(), acquirer_make()
    arguments: dict[str, Any] = {
        "acquirer_id": acquirer.pk,
        "merchant_id": merchant.pk,
        "merchant_no": "898450058120001",
        "account_name": merchant.name,
        "actor": actor,
    }
    first = services.payee_set(account="6222 0212 3456 7890 123", now=NOW, **arguments)
    assert (first.account_tail, first.valid_until) == ("0123", None)
    same = services.payee_set(account=ACCOUNT, now=NOW + timedelta(days=1), **arguments)
    assert same.pk == first.pk
    with pytest.raises(ReasonRequiredError):
        services.payee_set(account="6222021234567899999", now=NOW, **arguments)
    assert Payee.objects.count() == 1
    later = NOW + timedelta(days=2)
    second = services.payee_set(
        account="6222021234567899999", now=later, reason="更换开户行", **arguments
    )
    first.refresh_from_db()
    assert (first.valid_until, second.valid_from, second.valid_until) == (later, later, None)
    back = services.payee_set(
        account=ACCOUNT, now=later + timedelta(days=1), reason="改回", **arguments
    )
    assert back.pk == first.pk
    assert Payee.objects.filter(valid_until__isnull=True).get().pk == first.pk
    assert AuditEvent.objects.filter(action="payee.change").count() == 2
    stored = [str(model_to_dict(row)) for row in Payee.objects.all()]
    stored += [str(event.data) for event in AuditEvent.objects.all()]
    assert not [text for text in stored if ACCOUNT in text]


def test_payee_set_refuses_what_is_not_an_account_or_not_his(actor: User) -> None:
    merchant, acquirer = merchant_make(), acquirer_make()
    foreign = payee_make(merchant_make(), acquirer)
    arguments: dict[str, Any] = {
        "acquirer_id": acquirer.pk,
        "merchant_id": merchant.pk,
        "account_name": "x",
        "now": NOW,
        "actor": actor,
    }
    with pytest.raises(InvalidParametersError):
        services.payee_set(merchant_no=merchant_no_make(), account="12AB", **arguments)
    with pytest.raises(InvalidParametersError):
        services.payee_set(merchant_no="123", account=ACCOUNT, **arguments)
    with pytest.raises(PayeeNumberTakenError):
        services.payee_set(merchant_no=foreign.merchant_no, account=ACCOUNT, **arguments)
    assert list(Payee.objects.values_list("pk", flat=True)) == [foreign.pk]


def test_terminal_upsert_needs_a_payee_and_a_test(actor: User) -> None:
    acquirer, store = acquirer_make(), store_make()
    arguments: dict[str, Any] = {
        "acquirer_id": acquirer.pk,
        "terminal_no": "T0000001",
        "now": NOW,
        "actor": actor,
    }
    with pytest.raises(PayeeMissingError):
        services.terminal_upsert(store_id=store.pk, merchant_no=merchant_no_make(), **arguments)
    payee = payee_make(store.merchant, acquirer)
    terminal = services.terminal_upsert(
        store_id=store.pk, merchant_no=payee.merchant_no, **arguments
    )
    assert terminal.tested_at is None
    services.terminal_test_record(terminal_id=terminal.pk, passed=True, now=NOW, actor=actor)
    terminal.refresh_from_db()
    assert terminal.tested_at == NOW
    elsewhere = store_make(store.merchant)
    moved = services.terminal_upsert(
        store_id=elsewhere.pk, merchant_no=payee.merchant_no, **arguments
    )
    assert (moved.pk, moved.store_id, moved.tested_at) == (terminal.pk, elsewhere.pk, None)


def test_terminal_upsert_refuses_another_merchants_terminal(actor: User) -> None:
    terminal = terminal_make()
    store = store_make()
    payee = payee_make(store.merchant, terminal.acquirer)
    with pytest.raises(TerminalTakenError):
        services.terminal_upsert(
            acquirer_id=terminal.acquirer_id,
            terminal_no=terminal.terminal_no,
            store_id=store.pk,
            merchant_no=payee.merchant_no,
            now=NOW,
            actor=actor,
        )
    old_store = terminal.store_id
    terminal.refresh_from_db()
    assert terminal.store_id == old_store


def test_a_failed_test_takes_the_terminal_out_of_use(actor: User) -> None:
    terminal = terminal_make()
    services.terminal_test_record(terminal_id=terminal.pk, passed=False, now=NOW, actor=actor)
    terminal.refresh_from_db()
    assert (terminal.is_active, terminal.tested_at) == (False, None)
    with pytest.raises(TerminalUntestedError):
        services.terminal_update(terminal_id=terminal.pk, is_active=True, now=NOW, actor=actor)
    services.terminal_test_record(terminal_id=terminal.pk, passed=True, now=NOW, actor=actor)
    terminal.refresh_from_db()
    assert terminal.is_active


def test_brand_names_are_unique(actor: User) -> None:
    brand = services.brand_create(name="海底捞", now=NOW, actor=actor)
    with pytest.raises(DomainError):
        services.brand_create(name="海底捞", now=NOW, actor=actor)
    services.brand_update(brand_id=brand.pk, name="海底捞火锅", now=NOW, actor=actor)
    assert list(Brand.objects.values_list("name", flat=True)) == ["海底捞火锅"]


def test_two_brands_never_share_a_name(actor: User) -> None:
    one, other = (services.brand_create(name=name, now=NOW, actor=actor) for name in ("甲", "乙"))
    before = list(Brand.objects.order_by("pk").values()), AuditEvent.objects.count()
    with pytest.raises(BrandNameTakenError):
        services.brand_create(name=one.name, now=NOW, actor=actor)
    with pytest.raises(BrandNameTakenError):
        services.brand_update(brand_id=other.pk, name=one.name, now=NOW, actor=actor)
    assert (list(Brand.objects.order_by("pk").values()), AuditEvent.objects.count()) == before
