"""Rows of the merchants room with valid numbers; every function gives a saved object.

Numbers are drawn from counters, so that two objects of one test never collide; what a test
asserts on, it passes itself.
"""

import itertools
from collections.abc import Sequence
from copy import copy
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256

from stdnum.cn import uscc

from core.ids import new_number
from core.models import Client, Organisation, Region, Role, User
from merchants.models import Acquirer, Brand, Merchant, MerchantStaff, Payee, Store, Terminal

PROVINCE = "450000"  # 广西壮族自治区
NANNING = "450100"  # 南宁市
QINGXIU = "450103"  # 青秀区, in Nanning
LIUZHOU = "450200"  # 柳州市
LIUBEI = "450205"  # 柳北区, in Liuzhou
SINCE = datetime(2024, 1, 1, tzinfo=UTC)
_serial = itertools.count(1)


def region_make(code: str = PROVINCE) -> Region:
    """Return the region with this GB/T 2260 code, from the table every database has."""
    return copy(_region(code))


@cache
def _region(code: str) -> Region:
    return Region.objects.get(code=code)


def organisation_make(
    kind: str = Organisation.Kind.BUREAU, *, region: str = PROVINCE, name: str = ""
) -> Organisation:
    """Return a new organisation of ``kind`` in ``region``."""
    number = next(_serial)
    return Organisation.objects.create(
        code=f"org-{number}",
        name=name or f"测试机构{number}",
        kind=kind,
        region=region_make(region),
    )


def client_make(
    kind: str = Client.Kind.TERMINAL,
    *,
    organisation: Organisation | None = None,
    operations: Sequence[str] = (),
    region: str = PROVINCE,
) -> Client:
    """Return a new API client without a key; ``operations`` is its allow-list."""
    number = next(_serial)
    return Client.objects.create(
        code=f"client-{number}",
        name=f"测试接入方{number}",
        kind=kind,
        organisation=organisation or organisation_make(region=region),
        owner_region=region,
        operations=list(operations),
        created_at=SINCE,
    )


def acquirer_make(
    *,
    region: str = PROVINCE,
    name: str = "",
    organisation: Organisation | None = None,
    operations: Sequence[str] = (),
    with_client: bool = True,
) -> Acquirer:
    """Return a new acquirer (T+1 working day, cut-off 23:00) with organisation and client.

    The client is a TERMINAL client of the acquirer's organisation: `acquirer_client` finds it.
    """
    number = next(_serial)
    name = name or f"测试收单机构{number}"
    owner = organisation or organisation_make(Organisation.Kind.ACQUIRER, region=region, name=name)
    acquirer = Acquirer.objects.create(
        code=f"acq-{number}",
        name=name,
        organisation=owner,
        cutoff=time(23, 0),
        owner_region=region,
    )
    if with_client:
        client_make(organisation=owner, operations=operations, region=region)
    return acquirer


def acquirer_client(acquirer: Acquirer) -> Client:
    """Return the terminal client that `acquirer_make` made."""
    return Client.objects.get(organisation=acquirer.organisation, kind=Client.Kind.TERMINAL)


def operator_make(acquirer: Acquirer) -> User:
    """Return an operator (收单机构操作员) of an acquirer, who sees only that acquirer's rows."""
    user = User.objects.create(
        username=f"operator-{next(_serial)}",
        organisation=acquirer.organisation,
        is_staff=True,
    )
    user.grants.create(
        role=Role.ACQUIRER_OPERATOR,
        organisation=acquirer.organisation,
        region=acquirer.organisation.region,
        granted_at=SINCE,
    )
    return user


def uscc_make(region: str = NANNING, serial: int | None = None) -> str:
    """Return a unified social credit code with a right check digit, of an enterprise in region."""
    number = next(_serial) if serial is None else serial
    head = f"91{region}MA{number:07d}"
    return head + uscc.calc_check_digit(head)


def brand_make(name: str = "", *, code: str = "") -> Brand:
    """Return a new brand."""
    number = next(_serial)
    return Brand.objects.create(code=code or f"brand-{number}", name=name or f"测试品牌{number}")


def merchant_make(
    *,
    region: str = NANNING,
    name: str = "",
    industry: str = Merchant.Industry.CATERING,
    mcc: str = "5812",
    state: str = Merchant.State.ACTIVE,
    tier: str = Merchant.Tier.NONE,
    brand: Brand | None = None,
) -> Merchant:
    """Return a new merchant with a valid USCC; its 承诺书 is on file."""
    number = next(_serial)
    return Merchant.objects.create(
        uscc=uscc_make(region, number),
        name=name or f"测试商户{number}有限公司",
        mcc=mcc,
        industry=industry,
        tier=tier,
        brand=brand,
        owner_region=region,
        state=state,
        commitment_on=SINCE.date(),
    )


def store_make(
    merchant: Merchant | None = None,
    *,
    region: str = QINGXIU,
    name: str = "",
    longitude: str | None = "108.366543",
    latitude: str | None = "22.817002",
    is_active: bool = True,
    store_no: str = "",
) -> Store:
    """Return a new store in county ``region``; owned by the merchant's bureau."""
    merchant = merchant or merchant_make()
    return Store.objects.create(
        store_no=store_no or f"{region}{new_number(10)}",
        merchant=merchant,
        name=name or f"测试门店{next(_serial)}",
        region_code=region,
        owner_region=merchant.owner_region,
        address="测试路1号",
        longitude=None if longitude is None else Decimal(longitude),
        latitude=None if latitude is None else Decimal(latitude),
        is_active=is_active,
    )


def merchant_no_make() -> str:
    """Return a fresh 15-digit acquirer merchant number (收单商户号)."""
    return f"898{next(_serial):012d}"


def payee_make(
    merchant: Merchant, acquirer: Acquirer, *, merchant_no: str = "", account_tail: str = "6789"
) -> Payee:
    """Return the current payee of a merchant number at an acquirer."""
    merchant_no = merchant_no or merchant_no_make()
    return Payee.objects.create(
        acquirer=acquirer,
        merchant=merchant,
        merchant_no=merchant_no,
        account_name=merchant.name,
        account_tail=account_tail,
        account_hash=sha256(f"{merchant_no}{account_tail}".encode()).hexdigest(),
        owner_region=merchant.owner_region,
        valid_from=SINCE,
    )


def terminal_make(
    store: Store | None = None,
    acquirer: Acquirer | None = None,
    *,
    terminal_no: str = "",
    merchant_no: str = "",
    tested: bool = True,
    is_active: bool = True,
) -> Terminal:
    """Return a new terminal, tested and live unless told otherwise, with a current payee."""
    store = store or store_make()
    acquirer = acquirer or acquirer_make()
    payees = Payee.objects.filter(
        acquirer=acquirer, merchant=store.merchant, valid_until__isnull=True
    )
    if merchant_no:
        payees = payees.filter(merchant_no=merchant_no)
    payee = payees.first() or payee_make(store.merchant, acquirer, merchant_no=merchant_no)
    return Terminal.objects.create(
        acquirer=acquirer,
        terminal_no=terminal_no or f"{next(_serial):08d}",
        store=store,
        merchant_no=payee.merchant_no,
        tested_at=SINCE + timedelta(days=1) if tested else None,
        is_active=is_active,
    )


def merchant_staff_make(
    merchant: Merchant,
    *,
    key_kind: str,
    key_hash: str,
    pepper_version: int = 1,
    position: str = MerchantStaff.Position.STAFF,
    masked: str = "138****0000",
) -> MerchantStaff:
    """Return a known insider of a merchant under an identifier hash (rule FM10)."""
    return MerchantStaff.objects.create(
        merchant=merchant,
        position=position,
        key_kind=key_kind,
        pepper_version=pepper_version,
        key_hash=key_hash,
        masked=masked,
    )
