"""Payees: who is paid for a merchant number. A change closes the old row and keeps it."""

import re
import unicodedata
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.access.models import User
from core.audit.services import audit_record
from core.errors import InvalidParametersError
from core.pii import ACCOUNT, pii_hashes
from core.transactions import transaction_joined
from merchants.errors import MerchantRemovedError, PayeeNumberTakenError, ReasonRequiredError
from merchants.locks import merchant_lock
from merchants.models import Merchant, Payee
from merchants.services.changes import row_insert

MERCHANT_NO_SHAPE = re.compile(r"[0-9A-Z]{15}")
ACCOUNT_SHAPE = re.compile(r"[0-9]{8,32}")
_SEPARATORS = re.compile(r"[\s-]+")


def account_normalise(text: str) -> str | None:
    """Return the digits of a bank account (收款账号), or None if it is not one."""
    digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    return digits if ACCOUNT_SHAPE.fullmatch(digits) else None


def payee_set(
    *,
    acquirer_id: UUID,
    merchant_id: UUID,
    merchant_no: str,
    account_name: str,
    account: str,
    now: datetime,
    actor: User | None,
    reason: str = "",
) -> Payee:
    """Make ``account`` the current payee of a merchant number from ``now`` on.

    The raw account is hashed and its last four digits kept. Another account than the current one
    needs a ``reason``; the old row is closed at ``now`` and stays as history, a row of an earlier
    account is opened again. The same account again changes nothing but the account's name.

    Raises:
        InvalidParametersError: not a bank account, or a number or name of the wrong form.
        PayeeNumberTakenError: the number is another merchant's.
        MerchantRemovedError, NotFoundError: the merchant. ReasonRequiredError: a change without.
    """
    digits = account_normalise(account)
    if digits is None:
        raise InvalidParametersError.one("account", _("收款账号应为 8 至 32 位数字"))
    if not MERCHANT_NO_SHAPE.fullmatch(merchant_no):
        raise InvalidParametersError.one("merchant_no", _("收单商户号应为 15 位数字或大写字母"))
    hashes = [key.digest for key in pii_hashes(ACCOUNT, digits)]
    with transaction_joined():
        merchant = merchant_lock(merchant_id)
        if merchant.state == Merchant.State.REMOVED:
            raise MerchantRemovedError
        rows = list(
            Payee.objects.select_for_update()
            .filter(acquirer_id=acquirer_id, merchant_no=merchant_no)
            .order_by("pk")
        )
        if any(row.merchant_id != merchant_id for row in rows):
            raise PayeeNumberTakenError
        current = next((row for row in rows if row.valid_until is None), None)
        if current is not None and current.account_hash in hashes:
            return _renamed(current, account_name, now, actor)
        if current is not None:
            if not reason.strip():
                raise ReasonRequiredError
            _close(current, now)
        known = next((row for row in rows if row.account_hash in hashes), None)
        if known is not None:
            payee = _reopened(known, account_name, now)
        else:
            payee = Payee(
                acquirer_id=acquirer_id,
                merchant=merchant,
                merchant_no=merchant_no,
                account_name=account_name,
                account_tail=digits[-4:],
                account_hash=hashes[0],
                owner_region=merchant.owner_region,
                valid_from=now,
            )
            row_insert(
                payee,
                action="payee.create",
                owner_region=payee.owner_region,
                now=now,
                actor=actor,
                reason=reason.strip(),
            )
        if current is not None:
            _record_change(current, payee, now, actor, reason.strip())
    return payee


def _close(payee: Payee, now: datetime) -> None:
    payee.valid_until = now
    payee.save(update_fields=["valid_until"])


def _reopened(payee: Payee, account_name: str, now: datetime) -> Payee:
    payee.account_name, payee.valid_from, payee.valid_until = account_name, now, None
    payee.save(update_fields=["account_name", "valid_from", "valid_until"])
    return payee


def _renamed(payee: Payee, account_name: str, now: datetime, actor: User | None) -> Payee:
    if payee.account_name != account_name:
        old, payee.account_name = payee.account_name, account_name
        payee.save(update_fields=["account_name"])
        audit_record(
            action="payee.rename",
            subject_type="merchants.payee",
            subject_id=payee.pk,
            now=now,
            actor=actor,
            owner_region=payee.owner_region,
            data={"account_name": {"old": old, "new": account_name}},
        )
    return payee


def _record_change(old: Payee, new: Payee, now: datetime, actor: User | None, reason: str) -> None:
    audit_record(
        action="payee.change",
        subject_type="merchants.payee",
        subject_id=new.pk,
        now=now,
        actor=actor,
        owner_region=new.owner_region,
        reason=reason,
        data={
            "merchant_no": new.merchant_no,
            "old": {"payee": old.pk, "tail": old.account_tail, "name": old.account_name},
            "new": {"payee": new.pk, "tail": new.account_tail, "name": new.account_name},
        },
    )
