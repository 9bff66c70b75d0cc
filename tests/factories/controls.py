"""Entries of the control list, put forward and agreed to through the services."""

from datetime import datetime, timedelta
from typing import Any

from core.access.models import Role
from core.approvals.models import Approval
from core.pii import KeyedHash
from tests.factories.approvals import approve
from tests.factories.campaigns import ENDS_AT, STARTS_AT
from tests.factories.merchants import PROVINCE
from tests.factories.staff import staff_make
from vouchers.identity import IdentityToken
from vouchers.models import ControlEntry, IdentityHash, IdentityKey
from vouchers.services.controls import ControlTerms, control_lift, control_propose

AGREED_AT = STARTS_AT - timedelta(days=1)


def token_of(key: IdentityKey) -> IdentityToken:
    """Return a token that finds this key; factories make keys that nobody's number leads to."""
    digest = f"{key.pk:064d}"
    IdentityHash.objects.get_or_create(key=key, kind=key.kind, pepper_version=1, key_hash=digest)
    return IdentityToken(key.kind, (KeyedHash(1, digest),), key.masked)


def terms_of(*, region: str = PROVINCE, **more: Any) -> ControlTerms:
    """Return terms over the whole time of a test's campaign."""
    return ControlTerms(
        **{
            "reason": "核查属实",
            "owner_region": region,
            "valid_from": AGREED_AT,
            "valid_until": ENDS_AT,
            **more,
        }
    )


def control_made(
    token: IdentityToken, *, region: str = PROVINCE, now: datetime = AGREED_AT, **more: Any
) -> ControlEntry:
    """Return an entry that waits for the second person."""
    return control_propose(
        token=token,
        terms=terms_of(region=region, **more),
        actor=staff_make(Role.RISK_MAKER, region=region),
        now=now,
    )


def control_agreed(token: IdentityToken, *, now: datetime = AGREED_AT, **more: Any) -> ControlEntry:
    """Return an entry in force."""
    entry = control_made(token, now=now, **more)
    approve(Approval.objects.get(subject_id=str(entry.pk)), now=now)
    entry.refresh_from_db()
    return entry


def control_lifted(entry: ControlEntry, *, now: datetime) -> ControlEntry:
    """Lift an entry by two people."""
    maker = staff_make(Role.RISK_MAKER, region=entry.owner_region)
    approve(control_lift(entry_id=entry.pk, reason="申诉成立", actor=maker, now=now), now=now)
    entry.refresh_from_db()
    return entry
