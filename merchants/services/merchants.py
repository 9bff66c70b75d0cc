"""Merchants: registered and changed by their bureau, suspended, resumed, removed with a reason."""

from datetime import date, datetime
from typing import TypedDict, Unpack
from uuid import UUID

from django.utils.translation import gettext as _

from core.access.models import User
from core.errors import InvalidParametersError
from core.transactions import transaction_joined
from merchants.errors import (
    MerchantRegisteredElsewhereError,
    MerchantRemovedError,
    ReasonRequiredError,
)
from merchants.locks import merchant_lock
from merchants.mcc import industry_of
from merchants.models import Brand, Merchant
from merchants.services.changes import row_change, row_insert
from merchants.states import MERCHANT_STATES
from merchants.uscc import uscc_is_valid


class MerchantDetails(TypedDict, total=False):
    """What may change about a merchant; without ``industry`` it follows the category code."""

    name: str
    mcc: str
    industry: str
    brand: Brand | None
    tier: str
    commitment_on: date | None


def merchant_upsert(
    *,
    uscc: str,
    owner_region: str,
    now: datetime,
    actor: User | None,
    **details: Unpack[MerchantDetails],
) -> Merchant:
    """Register a merchant by its USCC, or change the one its own bureau registered.

    ``owner_region`` is the bureau's region code. A new merchant needs name and mcc. Registering
    the same values again changes nothing.

    Raises:
        InvalidParametersError: check digit, category code or another value is wrong.
        MerchantRegisteredElsewhereError: another bureau registered the code.
        MerchantRemovedError: the merchant was removed (domain-rules §9).
    """
    if not uscc_is_valid(uscc):
        raise InvalidParametersError.one("uscc", _("统一社会信用代码校验位不正确"))
    with transaction_joined():
        merchant = Merchant.objects.select_for_update().filter(uscc=uscc).first()
        if merchant is None:
            merchant = Merchant(uscc=uscc, owner_region=owner_region, **_complete(details))
            row_insert(
                merchant, action="merchant.create", owner_region=owner_region, now=now, actor=actor
            )
        elif merchant.owner_region != owner_region:
            raise MerchantRegisteredElsewhereError
        else:
            _change(merchant, details, now, actor)
    return merchant


def merchant_update(
    *, merchant_id: UUID, now: datetime, actor: User | None, **details: Unpack[MerchantDetails]
) -> Merchant:
    """Change a merchant's details.

    Raises:
        InvalidParametersError: a value is wrong.
        MerchantRemovedError: the merchant was removed.
        NotFoundError: there is no such merchant.
    """
    with transaction_joined():
        merchant = merchant_lock(merchant_id)
        _change(merchant, details, now, actor)
    return merchant


def merchant_suspend(*, merchant_id: UUID, reason: str, now: datetime, actor: User) -> Merchant:
    """Suspend (暂停): no further holds at its stores; refunds go on. Repeating changes nothing.

    Raises:
        ReasonRequiredError: no reason. StateConflictError: it was removed.
    """
    return _move(
        merchant_id,
        Merchant.State.SUSPENDED,
        "merchant.suspend",
        reason=reason,
        now=now,
        actor=actor,
    )


def merchant_resume(*, merchant_id: UUID, reason: str, now: datetime, actor: User) -> Merchant:
    """Resume (恢复) a suspended merchant; raises as `merchant_suspend`."""
    return _move(
        merchant_id, Merchant.State.ACTIVE, "merchant.resume", reason=reason, now=now, actor=actor
    )


def merchant_remove(*, merchant_id: UUID, reason: str, now: datetime, actor: User) -> Merchant:
    """Remove (清退) for good; stores, terminals and payees stay, so that refunds still work."""
    return _move(
        merchant_id, Merchant.State.REMOVED, "merchant.remove", reason=reason, now=now, actor=actor
    )


def _move(
    merchant_id: UUID,
    target: Merchant.State,
    action: str,
    *,
    reason: str,
    now: datetime,
    actor: User,
) -> Merchant:
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        merchant = merchant_lock(merchant_id)
        MERCHANT_STATES.assert_transition(merchant.state, target)
        row_change(
            merchant,
            {"state": target},
            action=action,
            owner_region=merchant.owner_region,
            now=now,
            actor=actor,
            reason=reason.strip(),
        )
    return merchant


def _change(
    merchant: Merchant, details: MerchantDetails, now: datetime, actor: User | None
) -> None:
    if merchant.state == Merchant.State.REMOVED:
        raise MerchantRemovedError
    row_change(
        merchant,
        _complete(details),
        action="merchant.update",
        owner_region=merchant.owner_region,
        now=now,
        actor=actor,
    )


def _complete(details: MerchantDetails) -> MerchantDetails:
    """Check the category code and let the industry follow it unless it is given."""
    if "mcc" not in details:
        return details
    industry = industry_of(details["mcc"])
    if industry is None:
        raise InvalidParametersError.one("mcc", _("商户类别码不存在"))
    return {"industry": industry, **details}
