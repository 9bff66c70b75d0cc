"""Vouchers with everything the rules look at, for many people in a constant number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from core.hot import array_text
from redemption.rules.facts import VoucherFacts
from vouchers.rules.model import BatchRules, rules_frozen
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


class _BatchFacts(NamedTuple):
    """What all vouchers of a batch that follow one version of its rules have in common."""

    rules: BatchRules
    funder_ids: tuple[UUID, ...]
    code: str
    name: str
    campaign_regions: tuple[str, ...]
    paused: bool


def wallet_load(*, enrolment_ids: Collection[UUID], voucher_ids: Collection[UUID]) -> Wallet:
    """Load the unused vouchers of people, and named vouchers in whatever state; one query.

    With people come the instant discounts that anybody may be given now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM redemption_wallet(%s::uuid[], %s::uuid[], %s::text[])",
            [
                array_text(list(enrolment_ids)),
                array_text(list(voucher_ids)),
                array_text([state.value for state in USABLE_STATES]),
            ],
        )
        rows = cursor.fetchall()
    wallet = Wallet({}, defaultdict(list), [])
    batches: dict[int, _BatchFacts] = {}
    for *mine, version_id, rules, funder_ids, code, name, regions, paused in rows:
        if rules is not None:
            batches[version_id] = _BatchFacts(
                rules_frozen(rules), tuple(funder_ids), code, name, tuple(regions), paused
            )
        batch = batches[version_id]
        voucher = VoucherFacts(
            voucher_id=mine[0] or mine[1],
            batch_id=mine[1],
            campaign_id=mine[2],
            enrolment_id=mine[3] or mine[1],
            client_id=mine[4] or mine[1],
            face_fen=mine[5],
            parts=tuple(mine[6]),
            funder_ids=batch.funder_ids,
            state=mine[7],
            valid_from=mine[8],
            valid_until=mine[9],
            held_until=mine[10],
            rules=batch.rules,
            batch_code=batch.code,
            batch_name=batch.name,
            owner_region=mine[11],
            campaign_regions=batch.campaign_regions,
            paused=batch.paused,
            is_issued=mine[0] is not None,
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
