"""Tables of the vouchers room."""

from vouchers.models.audiences import Audience, AudienceMember, AudienceSnapshot
from vouchers.models.batches import Batch, BatchVersion, QuotaRelease, QuotaSlice
from vouchers.models.claims import Claim, Voucher
from vouchers.models.controls import ControlEntry
from vouchers.models.grants import Grant, GrantChunk
from vouchers.models.limits import CapUse, Limit, LimitUse
from vouchers.models.persons import Enrolment, EnrolmentKey, IdentityHash, IdentityKey

__all__ = [
    "Audience",
    "AudienceMember",
    "AudienceSnapshot",
    "Batch",
    "BatchVersion",
    "CapUse",
    "Claim",
    "ControlEntry",
    "Enrolment",
    "EnrolmentKey",
    "Grant",
    "GrantChunk",
    "IdentityHash",
    "IdentityKey",
    "Limit",
    "LimitUse",
    "QuotaRelease",
    "QuotaSlice",
    "Voucher",
]
