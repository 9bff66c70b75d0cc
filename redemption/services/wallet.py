"""Vouchers with everything the rules look at, for many people in a constant number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from redemption.rules.facts import VoucherFacts
from vouchers.rules.model import rules_frozen
from vouchers.states import VoucherState

USABLE_STATES = (VoucherState.ACTIVE, VoucherState.HELD, VoucherState.FROZEN)


@dataclass(frozen=True, slots=True)
class Wallet:
    """Vouchers by id, and those of each person."""

    vouchers: dict[UUID, VoucherFacts]
    of_person: dict[UUID, list[VoucherFacts]]
    instants: list[VoucherFacts]
    """Of each batch that is taken off at the payment (立减) and has units left: what a person would
    be issued, without person and window; ``valid_until`` is the campaign's end."""

    def of(self, enrolment_id: UUID | None) -> Iterator[VoucherFacts]:
        """Yield what the person holds and has not used: active, held or frozen."""
        for voucher in self.of_person.get(enrolment_id, ()) if enrolment_id else ():
            if voucher.state in USABLE_STATES:
                yield voucher


def wallet_load(*, enrolment_ids: Collection[UUID], voucher_ids: Collection[UUID]) -> Wallet:
    """Load the unused vouchers of people, and named vouchers in whatever state; one query.

    With people come the instant discounts that anybody may be given now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM redemption_wallet(%s::uuid[], %s::uuid[], %s::text[])",
            [list(enrolment_ids), list(voucher_ids), [state.value for state in USABLE_STATES]],
        )
        rows = cursor.fetchall()
    wallet = Wallet({}, defaultdict(list), [])
    for row in rows:
        voucher = VoucherFacts(
            voucher_id=row[0] or row[1],
            batch_id=row[1],
            campaign_id=row[2],
            enrolment_id=row[3] or row[1],
            client_id=row[4] or row[1],
            face_fen=row[5],
            parts=tuple(row[6]),
            funder_ids=tuple(row[7]),
            state=row[8],
            valid_from=row[9],
            valid_until=row[10],
            held_until=row[11],
            rules=rules_frozen(row[12]),
            batch_code=row[13],
            batch_name=row[14],
            owner_region=row[15],
            campaign_regions=tuple(row[16]),
            paused=row[17],
            is_issued=row[0] is not None,
        )
        if not voucher.is_issued:
            wallet.instants.append(voucher)
            continue
        wallet.vouchers[voucher.voucher_id] = voucher
        wallet.of_person[voucher.enrolment_id].append(voucher)
    return wallet


def lists_in_force(
    campaign_ids: Collection[UUID], store_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], UUID]:
    """Return, per (campaign, store), the whitelist in force that has the store; one query."""
    if not campaign_ids or not store_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM redemption_listed(%s::uuid[], %s::uuid[])",
            [list(campaign_ids), list(store_ids)],
        )
        rows = cursor.fetchall()
    return {(campaign_id, store_id): list_id for campaign_id, store_id, list_id in rows}
