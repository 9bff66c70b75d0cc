"""From the end of a programme to its close: settled, paid, audited, and what is left returned."""

from collections import Counter
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from campaigns.models import Campaign, FundsMovement
from campaigns.services.closing import campaign_audit, campaign_clear, campaign_close_request
from campaigns.services.funds import funds_movement_request
from core.access.models import Role
from core.clock import TIME_ZONE
from core.ledger.models import Account, Posting
from redemption.models import RedemptionStep
from redemption.settlement.models import Payout, SettlementBatch
from redemption.settlement.services.bank_results import bank_results_record
from redemption.settlement.services.build import EVERYTHING_DAYS, settlements_build
from redemption.settlement.services.lifecycle import settlement_check, settlement_submit
from redemption.settlement.services.payouts import settlement_send
from tests.factories.approvals import approve
from tests.factories.staff import staff_make
from tests.redemption.settlement.factories import answer

Fens = dict[UUID, int]
"""Fen by funder."""


class Closing:
    """The last weeks of a campaign: every step by the service that the admin calls."""

    def __init__(self, campaign: Campaign, ended_at: datetime) -> None:
        """Begin once everything has expired."""
        region = campaign.owner_region
        self.campaign, self.now = campaign, ended_at
        self.clerk = staff_make(Role.SETTLEMENT_MAKER, region=region)
        self.maker = staff_make(Role.CAMPAIGN_MAKER, region=region)
        self.modes: dict[UUID, str] = dict(campaign.fundings.values_list("funder_id", "mode"))
        self.quota: Fens = dict(campaign.fundings.values_list("funder_id", "quota_fen"))
        self.states: list[str] = []

    def play(self) -> None:
        """Go on to CLOSED, and give back what is left in cash."""
        self._step()
        self.settle()
        self._at_close()
        for funder_id, fen in self._balances("RETURN_PAYABLE").items():
            self._book(funder_id, "LEFTOVER_RETURNED", fen)

    def settle(self) -> None:
        """Build a batch per acquirer, and pay them all: from cash, or by who advances it."""
        self.now += timedelta(days=2)
        settlements_build(now=self.now, look_back_days=EVERYTHING_DAYS)
        batches = SettlementBatch.objects.filter(campaign=self.campaign).order_by("pk")
        for funder_id, fen in self.redeemed().items():
            if self.modes[funder_id] == "PREFUNDED":
                # More than is needed: half of the rest is to be returned, half was never paid in.
                self._book(funder_id, "RECEIVED", fen + (self.quota[funder_id] - fen) // 2)
        for batch in batches:
            settlement_check(batch_id=batch.pk, actor=self.clerk, now=self.now)
            approve(
                settlement_submit(batch_id=batch.pk, maker=self.clerk, now=self.now), now=self.now
            )
        due = max(batch.due_on for batch in batches)
        self.now = max(self.now, datetime.combine(due, time(10), TIME_ZONE))
        for batch in batches:
            settlement_send(batch_id=batch.pk, actor=self.clerk, now=self.now)
        bank_results_record(
            results=[answer(one) for one in Payout.objects.order_by("pk")],
            actor=self.clerk,
            now=self.now,
        )
        assert set(batches.values_list("state", flat=True)) == {"PAID"}
        for funder_id, fen in self._balances("ADVANCE_PAYABLE").items():
            self._book(funder_id, "RECEIVED", fen)
            self._book(funder_id, "ADVANCE_REPAID", fen)

    def redeemed(self) -> Fens:
        """Return what was redeemed, net of refunds and cancels, of every funder."""
        steps = RedemptionStep.objects.filter(redemption__campaign=self.campaign)
        net: Fens = dict.fromkeys(self.modes, 0)
        for step in steps.filter(kind__in=["CONFIRM", "REFUND", "CANCEL"]):
            sign = 1 if step.kind == "CONFIRM" else -1
            for funder_id, fen in zip(step.funder_ids, step.parts, strict=True):
                net[funder_id] += sign * fen
        return net

    def paid(self) -> Fens:
        """Return what the payouts paid for every funder."""
        total: Counter[UUID] = Counter()
        for payout in Payout.objects.filter(batch__campaign=self.campaign, state="PAID"):
            total.update(dict(zip(payout.funder_ids, payout.parts, strict=True)))
        return total

    def moved(self, kind: str) -> Fens:
        """Return the cash that was entered as ``kind``."""
        total: Counter[UUID] = Counter()
        for one in FundsMovement.objects.filter(campaign=self.campaign, kind=kind):
            total[one.funder_id] += one.amount_fen
        return total

    def cancelled(self) -> Fens:
        """Return what the close wrote off: nobody pays it in, or 让利 that was not given."""
        total: Counter[UUID] = Counter()
        postings = Posting.objects.filter(
            entry__code="CAMPAIGN_CLOSE",
            campaign_id=self.campaign.pk,
            credit_account__kind__in=["FUNDER_RECEIVABLE", "CONCESSION"],
        )
        for one in postings:
            total[one.funder_id] += one.amount_fen
        return total

    def _at_close(self) -> None:
        common: Any = {"campaign_id": self.campaign.pk, "actor": self.maker, "now": self.now}
        campaign_clear(**common)
        self._step()
        campaign_audit(document_no="审1号", conclusion="无保留意见", **common)
        self._step()
        approve(campaign_close_request(reason="审计完成", **common), now=self.now)
        self._step()

    def _step(self) -> None:
        self.campaign.refresh_from_db()
        self.states.append(self.campaign.state)

    def _balances(self, kind: str) -> Fens:
        rows = Account.objects.filter(
            campaign_id=self.campaign.pk, kind=kind, balance_fen__gt=0
        ).order_by("pk")
        return dict(rows.values_list("funder_id", "balance_fen"))

    def _book(self, funder_id: UUID, kind: str, fen: int) -> None:
        """Enter a movement of cash, and agree to it."""
        approval = funds_movement_request(
            campaign_id=self.campaign.pk,
            funder_id=funder_id,
            kind=kind,
            amount_fen=fen,
            document_no=f"{kind}-1",
            value_date=self.now.date(),
            actor=self.clerk,
            now=self.now,
        )
        approve(approval, now=self.now)
