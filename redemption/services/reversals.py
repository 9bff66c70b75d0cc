"""Writing cancels and refunds: steps, states, vouchers, limits, and one entry per group."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from django.db import connection

from core.ids import new_id
from core.ledger.models import EntryCode
from core.ledger.services import entry_post
from core.outbox.services import Event, outbox_publish
from core.transactions import retry_races
from redemption.events import REVERSED
from redemption.models import Earmark, Redemption, RedemptionLine, RedemptionStep, Reward
from redemption.rules.refunds import RefundSlice
from redemption.services.facts import Key, StepOutcome, facts_of, known_steps
from redemption.services.reversal_state import Confirmed
from redemption.services.targets import Targeted, key_of
from redemption.settlement.selectors import BOOKED_TO
from redemption.states import RedemptionState, StepKind, VoucherFate
from vouchers.models import Voucher
from vouchers.states import VoucherState

race_retried = retry_races("redemption_step_key_once", "account_not_negative")
"""Another call was first with the key, or with recovered money: decide again."""
_VOUCHER_STATES = {
    VoucherFate.RETURNED: VoucherState.ACTIVE,
    VoucherFate.EXPIRED: VoucherState.EXPIRED,
    VoucherFate.VOIDED: VoucherState.VOIDED,
}
_LIMITS_BACK = """
    UPDATE vouchers_limituse u SET used = u.used - given.units
      FROM (SELECT l.limit_id, l.window_start, l.key_id, count(*) AS units
              FROM redemption_redemption r
             CROSS JOIN LATERAL jsonb_to_recordset(r.limit_uses)
                   AS l(limit_id bigint, window_start timestamptz, key_id bigint)
             WHERE r.id = ANY(%s) GROUP BY 1, 2, 3) given
     WHERE (u.limit_id, u.window_start, u.key_id)
         = (given.limit_id, given.window_start, given.key_id)
"""
_UNITS_BACK = """
    UPDATE vouchers_batch b SET returned_units = b.returned_units + given.units
      FROM (SELECT v.batch_id, count(*) AS units FROM vouchers_voucher v
             WHERE v.id = ANY(%s) GROUP BY v.batch_id) given
     WHERE b.id = given.batch_id
"""


class Reversing(Targeted, Protocol):
    """A command that takes subsidy back."""

    @property
    def fingerprint(self) -> str:
        """What the request asked for."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """A decided command: what it takes back and under which outside number."""

    command: Reversing
    confirmed: Confirmed
    slice: RefundSlice
    reference: str = ""


def reversals_write(
    *,
    kind: StepKind,
    campaign_id: UUID,
    day: date,
    reversals: Sequence[Reversal],
) -> dict[Key, StepOutcome]:
    """Write decided cancels or refunds of one campaign and business date; return their facts.

    The caller holds the locks of `reversal_lock`. A voucher that comes back is active again with
    its old expiry and its use no longer counts on any limit; one that would come back after its
    expiry is expired, one whose quota stays used is voided, and its unit may be released again.
    """
    if not reversals:
        return {}
    # Whoever is given something for one of them later sees what is left of it.
    if Reward.objects.filter(
        source=Reward.Source.REDEMPTION,
        source_id__in=[one.confirmed.redemption_id for one in reversals],
    ).exists():
        outbox_publish(events=[_event(campaign_id, reversals)])
    entry_id = new_id()
    RedemptionStep.objects.bulk_create(
        [_step(kind, reversal, entry_id, day) for reversal in reversals]
    )
    state = RedemptionState.CANCELLED if kind == StepKind.CANCEL else RedemptionState.CONFIRMED
    Redemption.objects.bulk_update(
        [
            Redemption(
                id=reversal.confirmed.redemption_id,
                state=state,
                last_step=reversal.confirmed.last_step + 1,
                **_totals(kind, reversal),
            )
            for reversal in reversals
        ],
        ["state", "last_step", *_totals(kind, reversals[0])],
    )
    _vouchers_write(reversals, entry_id)
    entry_post(
        code=EntryCode.CANCEL if kind == StepKind.CANCEL else EntryCode.REFUND,
        campaign_id=campaign_id,
        source_key=f"{kind.lower()}:{entry_id}",
        business_date=day,
        at=max(reversal.command.at for reversal in reversals),
        transfers=[
            transfer
            for one in reversals
            for transfer in one.confirmed.transfers(one.slice.parts, one.slice.voucher_fate)
        ],
        entry_id=entry_id,
    )
    steps = known_steps(kind, [key_of(reversal.command) for reversal in reversals])
    facts = facts_of({pk for pk, _ in steps.values()})
    return {key: StepOutcome("ACCEPTED", facts[pk]) for key, (pk, _) in steps.items()}


def _event(campaign_id: UUID, reversals: Sequence[Reversal]) -> Event:
    """Return what takes return vouchers back."""
    return Event(
        topic=REVERSED,
        aggregate_type="campaign",
        aggregate_id=campaign_id,
        at=max(reversal.command.at for reversal in reversals),
        payload={"redemptions": [one.confirmed.redemption_id for one in reversals]},
    )


def _totals(kind: StepKind, reversal: Reversal) -> dict[str, int]:
    """Return the cumulative columns after a refund; a cancel is no refund."""
    if kind == StepKind.CANCEL:
        return {}
    so_far, part = reversal.confirmed.so_far, reversal.slice
    return {
        "refunded_order_fen": so_far.refunded_order_fen + part.order_fen,
        "refunded_payer_fen": so_far.refunded_payer_fen + part.payer_fen,
        "refunded_subsidy_fen": so_far.refunded_subsidy_fen + part.subsidy_fen,
        "refund_count": so_far.count + 1,
    }


def _step(kind: StepKind, reversal: Reversal, entry_id: UUID, day: date) -> RedemptionStep:
    command, confirmed, part = reversal.command, reversal.confirmed, reversal.slice
    detail: dict[str, Any] = {BOOKED_TO: confirmed.booked_to.value, **_totals(kind, reversal)}
    return RedemptionStep(
        id=new_id(),
        redemption_id=confirmed.redemption_id,
        seq=confirmed.last_step + 1,
        kind=kind,
        client_id=command.client_id,
        idempotency_key=command.idempotency_key,
        fingerprint=command.fingerprint,
        order_fen=part.order_fen,
        payer_fen=part.payer_fen,
        subsidy_fen=part.subsidy_fen,
        funder_ids=list(confirmed.funder_ids),
        parts=list(part.parts),
        reference=reversal.reference,
        voucher_fate=part.voucher_fate,
        # A slice too small to carry a fen of subsidy moves no money of ours.
        entry_id=entry_id if part.subsidy_fen else None,
        business_date=day,
        at=command.at,
        detail=detail,
    )


def _vouchers_write(reversals: Sequence[Reversal], entry_id: UUID) -> None:
    """Give vouchers back, expire or void them; nothing for those that stay used.

    Their earmarks end with ``entry_id``.
    """
    ended = [
        one
        for one in reversals
        if one.slice.voucher_fate in _VOUCHER_STATES and one.confirmed.earmark
    ]
    if ended:
        Earmark.objects.filter(
            redemption_id__in=[one.confirmed.redemption_id for one in ended], ended_at=None
        ).update(ended_at=max(one.command.at for one in ended), entry_id=entry_id)
    for fate, state in _VOUCHER_STATES.items():
        of_fate = [one.confirmed for one in reversals if one.slice.voucher_fate == fate]
        if not of_fate:
            continue
        voucher_ids = [one.voucher_id for one in of_fate]
        redemption_ids = [one.redemption_id for one in of_fate]
        RedemptionLine.objects.filter(redemption_id__in=redemption_ids).update(live=False)
        Voucher.objects.filter(pk__in=voucher_ids).update(state=state)
        with connection.cursor() as cursor:
            if fate == VoucherFate.RETURNED:
                cursor.execute(_LIMITS_BACK, [redemption_ids])
            else:
                cursor.execute(_UNITS_BACK, [voucher_ids])
