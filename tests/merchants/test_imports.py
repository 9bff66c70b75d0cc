"""Import of an acquirer's list: what good files change, and that a second time changes nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.access.models import User
from core.audit.models import AuditEvent
from core.clock import TIME_ZONE
from merchants.imports.run import ImportOutcome, merchants_import
from merchants.models import Acquirer, Merchant, MerchantStaff, Payee, Store, Terminal
from tests.factories.merchants import (
    LIUBEI,
    LIUZHOU,
    NANNING,
    PROVINCE,
    QINGXIU,
    acquirer_make,
    merchant_make,
    payee_make,
    store_make,
    terminal_make,
)
from tests.factories.staff import staff_make
from tests.merchants.lists import ACCOUNT, PHONE, csv_bytes, row, saved, xlsx_bytes

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 10, 0, tzinfo=TIME_ZONE)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def acquirer() -> Acquirer:
    return acquirer_make()


@pytest.fixture
def run(tmp_path: Path, acquirer: Acquirer) -> Callable[..., ImportOutcome]:
    actor: User = staff_make()

    def call(content: bytes, *, region: str = NANNING, now: datetime = NOW) -> ImportOutcome:
        return merchants_import(
            path=saved(tmp_path, content),
            acquirer=acquirer,
            owner_region=region,
            sha256="0" * 64,
            now=now,
            actor=actor,
        )

    return call


def rows_counted() -> tuple[int, ...]:
    models = (Merchant, Store, Payee, Terminal, MerchantStaff)
    return tuple(model._default_manager.count() for model in models)


def everything() -> list[Any]:
    models = (Merchant, Store, Payee, Terminal, MerchantStaff)
    return [list(model._default_manager.order_by("pk").values_list()) for model in models]


@pytest.mark.parametrize(
    "write",
    [
        xlsx_bytes,
        lambda rows: csv_bytes(rows, "utf-8"),
        lambda rows: csv_bytes(rows, "utf-8-sig"),
        lambda rows: csv_bytes(rows, "gb18030"),
    ],
    ids=["xlsx", "utf-8", "utf-8-bom", "gb18030"],
)
def test_a_good_file_in_every_format(
    run: Callable[..., ImportOutcome], write: Callable[..., bytes], acquirer: Acquirer
) -> None:
    outcome = run(write([row(1), row(2, 联系电话="0771-5551234")]))
    assert list(outcome.problems) == []
    assert (outcome.rows, outcome.is_applied) == (2, True)
    assert rows_counted() == (2, 2, 2, 4, 1)
    merchant = Merchant.objects.get(uscc=row(1)["统一社会信用代码"])
    assert (merchant.name, merchant.mcc, merchant.industry, merchant.owner_region) == (
        "南宁老友餐饮1有限公司",
        "5812",
        "CATERING",
        NANNING,
    )
    store = merchant.stores.get()
    assert (store.name, store.region_code, store.owner_region) == (
        "老友粉民族大道1店",
        QINGXIU,
        NANNING,
    )
    payee = Payee.objects.get(merchant=merchant)
    assert (payee.acquirer, payee.merchant_no, payee.account_tail, payee.valid_from) == (
        acquirer,
        "898450058000001",
        "0123",
        NOW,
    )
    assert set(store.terminals.values_list("terminal_no", "tested_at")) == {
        ("00000001", None),
        ("A0000001", None),
    }
    contact = MerchantStaff.objects.get()
    assert (contact.merchant, contact.store, contact.masked) == (merchant, store, "韦* 139****2233")


def test_no_raw_number_is_kept(run: Callable[..., ImportOutcome]) -> None:
    run(csv_bytes([row()]))
    stored = str(everything()) + str(list(AuditEvent.objects.values()))
    assert PHONE not in stored
    assert ACCOUNT not in stored


def test_the_same_file_twice_changes_nothing(run: Callable[..., ImportOutcome]) -> None:
    content = xlsx_bytes([row(number) for number in range(1, 4)])
    first = run(content)
    assert first.counts.as_dict() | {"contacts_new": 0} == {
        "merchants_new": 3,
        "merchants_changed": 0,
        "stores_new": 3,
        "stores_changed": 0,
        "payees_new": 3,
        "payees_changed": 0,
        "payees_renamed": 0,
        "terminals_new": 6,
        "terminals_moved": 0,
        "contacts_new": 0,
    }
    before = everything()
    second = run(content, now=LATER)
    assert (second.is_applied, second.counts.total) == (True, 0)
    assert everything() == before
    assert [number for *_rest, number, _no, _terminals in second.stores] == [
        number for *_rest, number, _no, _terminals in first.stores
    ]


def test_changes_are_applied_and_only_they(run: Callable[..., ImportOutcome]) -> None:
    run(csv_bytes([row(1), row(2)]))
    Terminal.objects.update(tested_at=NOW)
    kept = Merchant.objects.get(uscc=row(2)["统一社会信用代码"])
    outcome = run(
        csv_bytes(
            [
                row(1, 商户名称="南宁新名餐饮有限公司", 门店地址="新址", MCC="5411"),
                row(2, 收款账号="6222021234567899999", 终端号="00000002;B0000002"),
            ]
        ),
        now=LATER,
    )
    assert {name: count for name, count in outcome.counts.as_dict().items() if count} == {
        "merchants_changed": 1,
        "stores_changed": 1,
        "payees_changed": 1,
        "terminals_new": 1,
    }
    merchant = Merchant.objects.get(uscc=row(1)["统一社会信用代码"])
    assert (merchant.name, merchant.industry) == ("南宁新名餐饮有限公司", "SUPERMARKET")
    payees = Payee.objects.filter(merchant=kept).order_by("valid_from")
    assert [(p.account_tail, p.valid_from, p.valid_until) for p in payees] == [
        ("0123", NOW, LATER),
        ("9999", LATER, None),
    ]
    # A terminal that is not in the list any more stays; it is switched off by hand.
    assert kept.stores.get().terminals.count() == 3
    event = AuditEvent.objects.filter(action="merchants.import").order_by("-pk")[0]
    assert event.data["payee_changes"] == [
        {"merchant_no": "898450058000002", "old_tail": "0123", "new_tail": "9999"}
    ]
    back = run(csv_bytes([row(2)]), now=LATER + timedelta(days=1))
    assert back.counts.payees_changed == 1
    assert Payee.objects.filter(merchant=kept).count() == 2
    assert Payee.objects.get(merchant=kept, valid_until=None).account_tail == "0123"


def test_a_moved_terminal_is_tested_again(run: Callable[..., ImportOutcome]) -> None:
    run(csv_bytes([row(1)]))
    Terminal.objects.update(tested_at=NOW)
    moved = row(1, 门店名称="老友粉新店", 终端号="A0000001")
    outcome = run(csv_bytes([row(1, 终端号="00000001"), moved]))
    assert (outcome.counts.terminals_moved, outcome.counts.stores_new) == (1, 1)
    assert dict(Terminal.objects.values_list("terminal_no", "tested_at")) == {
        "00000001": NOW,
        "A0000001": None,
    }


def test_a_suspended_merchant_stays_suspended(run: Callable[..., ImportOutcome]) -> None:
    run(csv_bytes([row(1)]))
    Merchant.objects.update(state="SUSPENDED")
    assert run(csv_bytes([row(1, 商户名称="新名")])).is_applied
    assert Merchant.objects.get().state == "SUSPENDED"


def test_one_store_of_two_acquirers_is_one_store(
    run: Callable[..., ImportOutcome], tmp_path: Path
) -> None:
    run(csv_bytes([row(1)]))
    outcome = merchants_import(
        path=saved(tmp_path, csv_bytes([row(1, 收单商户号="777450058000001")])),
        acquirer=acquirer_make(),
        owner_region=NANNING,
        sha256="1" * 64,
        now=NOW,
        actor=None,
    )
    assert outcome.is_applied
    assert rows_counted() == (1, 1, 2, 4, 1)


@pytest.mark.parametrize(
    "spelling",
    [
        "450103",
        "青秀区",
        "南宁市青秀区",
        "南宁青秀区",
        "广西壮族自治区南宁市青秀区",
        "广西南宁青秀区",
    ],
)
def test_regions_by_code_and_by_name(run: Callable[..., ImportOutcome], spelling: str) -> None:
    outcome = run(csv_bytes([row(1, 地区代码=spelling)]))
    assert list(outcome.problems) == []
    assert Store.objects.get().region_code == QINGXIU


def test_a_list_of_the_province_belongs_to_the_cities(run: Callable[..., ImportOutcome]) -> None:
    outcome = run(csv_bytes([row(1), row(2, 地区代码=LIUBEI)]), region=PROVINCE)
    assert outcome.is_applied
    assert set(Merchant.objects.values_list("owner_region", flat=True)) == {NANNING, LIUZHOU}
    assert set(Store.objects.values_list("region_code", "owner_region")) == {
        (QINGXIU, NANNING),
        (LIUBEI, LIUZHOU),
    }


def test_another_bureaus_merchant_gets_a_store_but_keeps_its_details(
    run: Callable[..., ImportOutcome],
) -> None:
    chain = merchant_make(region=LIUZHOU, name="连锁商贸有限公司", mcc="5411")
    outcome = run(csv_bytes([row(1, 统一社会信用代码=chain.uscc, 商户名称=chain.name, MCC="5812")]))
    assert outcome.is_applied
    chain.refresh_from_db()
    assert (chain.mcc, chain.owner_region) == ("5411", LIUZHOU)
    assert chain.stores.get().owner_region == NANNING


def test_statements_do_not_grow_with_the_rows(run: Callable[..., ImportOutcome]) -> None:
    run(csv_bytes([row(1)]))
    counts = []
    for size in (2, 40):
        content = csv_bytes([row(number) for number in range(100, 100 + size)])
        with CaptureQueriesContext(connection) as queries:
            assert run(content).is_applied
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_faults_against_what_is_registered(
    run: Callable[..., ImportOutcome], acquirer: Acquirer
) -> None:
    removed = merchant_make(state="REMOVED")
    elsewhere = merchant_make(region=LIUZHOU, name="真名")
    payee = payee_make(merchant_make(), acquirer)
    terminal = terminal_make(store_make(), acquirer)
    before = everything()
    outcome = run(
        csv_bytes(
            [
                row(1, 统一社会信用代码=removed.uscc),
                row(2, 统一社会信用代码=elsewhere.uscc, 商户名称="假名"),
                row(3, 收单商户号=payee.merchant_no),
                row(4, 终端号=terminal.terminal_no),
                row(5),
            ]
        )
    )
    assert [(item.row, item.column, item.reason) for item in outcome.problems] == [
        (2, "统一社会信用代码", "该商户已清退，不得重新报送"),
        (3, "商户名称", "该统一社会信用代码已由其他地区登记，名称不一致"),
        (4, "收单商户号", "收单商户号已属于其他商户"),
        (5, "终端号", f"终端号 {terminal.terminal_no} 已属于其他商户的门店"),
    ]
    assert everything() == before
    assert not AuditEvent.objects.filter(action="merchants.import").exists()
