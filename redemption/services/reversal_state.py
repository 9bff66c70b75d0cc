"""Confirmed redemptions as cancel and refund see them: amounts, vouchers, where the money lies."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from campaigns.models import CampaignState
from core.ledger.models import Account, AccountKind
from core.ledger.services import Transfer
from redemption.models import Earmark, RedemptionLine, RedemptionStep
from redemption.rules.refunds import RefundedSoFar
from redemption.settlement.selectors import booking_accounts, facts_assigned
from redemption.states import RedemptionState, StepKind, VoucherFate
from vouchers.rules.model import RefundPolicy


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A redemption with its one voucher (domain-rules §3) and its CONFIRM fact.

    ``confirm_id`` is None where it was never confirmed. ``booked_to`` is where the subsidy of cash
    funders lies (see `booking_accounts`). Read it with the redemption locked before writing.
    """

    redemption_id: UUID
    campaign_id: UUID
    campaign_state: str
    batch_id: UUID
    voucher_id: UUID
    valid_until: datetime
    refund_policy: RefundPolicy
    whole_only: bool
    """Whether only the whole order can be refunded: a voucher was exchanged for an item."""
    state: str
    confirmed_at: datetime | None
    payee_id: UUID
    funder_ids: tuple[UUID, ...]
    concessions: tuple[bool, ...]
    so_far: RefundedSoFar
    last_step: int
    confirm_id: UUID | None
    cancellable_until: datetime | None
    booked_to: AccountKind
    assigned: bool
    earmark: tuple[int, ...] = ()
    """By funder, what is kept of the face beside the used part; none once it has gone back."""
    available_fen: tuple[int, ...] | None = None
    """Per funder, what the campaign has available; read only where the subsidy was recovered."""

    @property
    def out_of_reach(self) -> bool:
        """Whether the recovered subsidy is gone: the books are closed, or it was spent again."""
        if self.available_fen is None:
            return False
        left = (
            part >= used or concession
            for part, used, concession in zip(
                self.available_fen, self.so_far.parts, self.concessions, strict=True
            )
        )
        return self.campaign_state == CampaignState.CLOSED or not all(left)

    def transfers(self, parts: Collection[int], fate: VoucherFate) -> list[Transfer]:
        """Return the transfers that give ``parts`` back (architecture.md, Money).

        A voucher that does not stay used takes the unused rest of its face with it.
        """
        moves = []
        credit, credit_unit = self._credit(fate)
        if fate != VoucherFate.KEPT_USED:
            moves += [
                Transfer(funder_id, AccountKind.EARMARKED, credit, fen, self.batch_id, credit_unit)
                for funder_id, fen in zip(self.funder_ids, self.earmark, strict=False)
            ]
        for funder_id, concession, fen in zip(
            self.funder_ids, self.concessions, parts, strict=True
        ):
            debit = AccountKind.CONCESSION if concession else self.booked_to
            debit_unit = (
                None if debit in (AccountKind.CONCESSION, AccountKind.AVAILABLE) else self.payee_id
            )
            moves.append(Transfer(funder_id, debit, credit, fen, debit_unit, credit_unit))
        return moves

    def _credit(self, fate: VoucherFate) -> tuple[AccountKind, UUID | None]:
        if fate == VoucherFate.RETURNED:
            return AccountKind.OUTSTANDING, self.batch_id
        if self.campaign_state != CampaignState.CLOSED:
            return AccountKind.ALLOCATED, self.batch_id
        # The closed batch is left alone: what comes back now adds to the campaign, which returns
        # it to its funders as a further leftover (domain-rules §8).
        return AccountKind.AVAILABLE, None


_NO_DETAIL: dict[str, Any] = {}
_OVER = datetime.min.replace(tzinfo=UTC)
_COLUMNS = (
    "redemption_id",
    "redemption__campaign_id",
    "redemption__campaign__state",
    "batch_id",
    "voucher_id",
    "voucher__valid_until",
    "voucher__batch_version__rules__refund_policy",
    "redemption__state",
    "redemption__confirmed_at",
    "redemption__payee_id",
    "batch__funder_ids",
    "batch__concessions",
    "redemption__order_fen",
    "redemption__other_discount_fen",
    "redemption__payable_fen",
    "redemption__subsidy_fen",
    "parts",
    "redemption__refunded_order_fen",
    "redemption__refunded_payer_fen",
    "redemption__refunded_subsidy_fen",
    "redemption__refund_count",
    "redemption__last_step",
    "voucher__batch_version__rules__benefit__type",
)


def confirmed_load(redemption_ids: Collection[UUID]) -> dict[UUID, Confirmed]:
    """Load redemptions by id; a constant number of queries."""
    rows = list(
        RedemptionLine.objects.filter(redemption_id__in=redemption_ids)
        .order_by("pk")
        .values_list(*_COLUMNS)
    )
    confirms: dict[UUID, tuple[UUID, dict[str, Any]]] = {
        redemption_id: (pk, detail)
        for redemption_id, pk, detail in RedemptionStep.objects.filter(
            redemption_id__in=redemption_ids, kind=StepKind.CONFIRM
        ).values_list("redemption_id", "pk", "detail")
    }
    step_ids = [pk for pk, _ in confirms.values()]
    booked, assigned = booking_accounts(step_ids), facts_assigned(step_ids)
    kept, gone = _earmarks(redemption_ids)
    lie_free = {pk for pk, kind in booked.items() if kind == AccountKind.AVAILABLE}
    available = _available({row[1] for row in rows}) if lie_free else {}
    found: dict[UUID, Confirmed] = {}
    for row in rows:
        confirm_id, detail = confirms.get(row[0], (None, _NO_DETAIL))
        until = detail.get("cancellable_until")
        booked_to = booked[confirm_id] if confirm_id else AccountKind.PAYABLE
        found[row[0]] = Confirmed(
            redemption_id=row[0],
            campaign_id=row[1],
            campaign_state=row[2],
            batch_id=row[3],
            voucher_id=row[4],
            # The money of a whole face can return only while its rest is kept.
            valid_until=_OVER if row[0] in gone else row[5],
            refund_policy=row[6] or "PRO_RATA_KEEP_USED",
            whole_only=row[22] == "EXCHANGE",
            state=RedemptionState(row[7]),
            confirmed_at=row[8],
            payee_id=row[9],
            funder_ids=tuple(row[10]),
            concessions=tuple(row[11]),
            so_far=RefundedSoFar(
                order_fen=row[12],
                other_discount_fen=row[13],
                payer_fen=row[14],
                subsidy_fen=row[15],
                parts=tuple(row[16]),
                refunded_order_fen=row[17],
                refunded_payer_fen=row[18],
                refunded_subsidy_fen=row[19],
                count=row[20],
            ),
            last_step=row[21],
            confirm_id=confirm_id,
            cancellable_until=datetime.fromisoformat(until) if until else None,
            booked_to=booked_to,
            assigned=confirm_id in assigned,
            earmark=kept.get(row[0], ()),
            available_fen=tuple(available.get((row[1], funder_id), 0) for funder_id in row[10])
            if booked_to == AccountKind.AVAILABLE
            else None,
        )
    return found


def _earmarks(
    redemption_ids: Collection[UUID],
) -> tuple[dict[UUID, tuple[int, ...]], set[UUID]]:
    """Return what is kept beside the used part of a face, and where nothing is any more."""
    kept: dict[UUID, tuple[int, ...]] = {}
    gone: set[UUID] = set()
    rows = Earmark.objects.filter(redemption_id__in=redemption_ids)
    for redemption_id, parts, ended_at in rows.values_list("redemption_id", "parts", "ended_at"):
        if ended_at is None:
            kept[redemption_id] = tuple(parts)
        else:
            gone.add(redemption_id)
    return kept, gone


def _available(campaign_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], int]:
    """Return what campaigns have available by funder; whoever spends it meanwhile is noticed when
    the entry is posted (``account_not_negative``)."""
    rows = Account.objects.filter(campaign_id__in=campaign_ids, kind=AccountKind.AVAILABLE)
    return {
        (campaign_id, funder_id): fen
        for campaign_id, funder_id, fen in rows.values_list(
            "campaign_id", "funder_id", "balance_fen"
        )
    }
