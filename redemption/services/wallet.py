"""Vouchers with everything the rules look at, for many people in a constant number of queries."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from campaigns.models import CampaignState, WhitelistEntry
from redemption.models import RedemptionLine
from redemption.rules.facts import VoucherFacts
from redemption.states import RedemptionState
from vouchers.models import BatchVersion, Voucher
from vouchers.rules.model import BatchRules, rules_read
from vouchers.states import VoucherState

USABLE_STATES = (VoucherState.ACTIVE, VoucherState.HELD, VoucherState.FROZEN)
OVER = frozenset({CampaignState.CLEARING, CampaignState.AUDITED, CampaignState.CLOSED})
_COLUMNS = (
    "pk",
    "batch_id",
    "campaign_id",
    "enrolment_id",
    "client_id",
    "face_fen",
    "parts",
    "batch__funder_ids",
    "state",
    "valid_from",
    "valid_until",
    "batch_version_id",
    "batch__code",
    "batch__name",
    "owner_region",
    "campaign__regions",
    "batch__redemptions_on",
    "campaign__redemptions_on",
    "campaign__state",
)


@dataclass(frozen=True, slots=True)
class Wallet:
    """Vouchers by id."""

    vouchers: dict[UUID, VoucherFacts]

    def of(self, enrolment_id: UUID | None) -> Iterator[VoucherFacts]:
        """Yield what the person holds and has not used: active, held or frozen."""
        for voucher in self.vouchers.values():
            if voucher.enrolment_id == enrolment_id and voucher.state in USABLE_STATES:
                yield voucher


def wallet_load(*, enrolment_ids: Collection[UUID], voucher_ids: Collection[UUID]) -> Wallet:
    """Load the unused vouchers of people, and named vouchers in whatever state; three queries."""
    wanted = Q(pk__in=voucher_ids) | Q(enrolment_id__in=enrolment_ids, state__in=USABLE_STATES)
    rows = list(Voucher.objects.filter(wanted).order_by("pk").values_list(*_COLUMNS))
    rules = _rules({row[11] for row in rows})
    held = _held_until({row[0] for row in rows if row[8] == VoucherState.HELD})
    return Wallet(
        {
            row[0]: VoucherFacts(
                voucher_id=row[0],
                batch_id=row[1],
                campaign_id=row[2],
                enrolment_id=row[3],
                client_id=row[4],
                face_fen=row[5],
                parts=tuple(row[6]),
                funder_ids=tuple(row[7]),
                state=row[8],
                valid_from=row[9],
                valid_until=row[10],
                held_until=held.get(row[0]),
                rules=rules[row[11]],
                batch_code=row[12],
                batch_name=row[13],
                owner_region=row[14],
                campaign_regions=tuple(row[15]),
                paused=not (row[16] and row[17]) or row[18] in OVER,
            )
            for row in rows
        }
    )


def lists_in_force(
    campaign_ids: Collection[UUID], store_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], UUID]:
    """Return, per (campaign, store), the whitelist in force that has the store; one query."""
    rows = WhitelistEntry.objects.filter(
        whitelist__state="IN_FORCE", whitelist__campaign_id__in=campaign_ids, store_id__in=store_ids
    ).values_list("whitelist__campaign_id", "store_id", "whitelist_id")
    return {(campaign_id, store_id): list_id for campaign_id, store_id, list_id in rows}


def _rules(version_ids: Collection[int]) -> dict[int, BatchRules]:
    return {
        version.pk: rules_read(version.rules)
        for version in BatchVersion.objects.filter(pk__in=version_ids)
    }


def _held_until(voucher_ids: Collection[UUID]) -> dict[UUID, datetime]:
    if not voucher_ids:
        return {}
    return dict(
        RedemptionLine.objects.filter(
            voucher_id__in=voucher_ids, live=True, redemption__state=RedemptionState.HELD
        ).values_list("voucher_id", "redemption__hold_expires_at")
    )
