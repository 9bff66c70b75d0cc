"""What can go wrong with settlement, payout and reconciliation."""

from core.errors import DomainError


class BatchNotBuiltError(DomainError):
    """The batch is still being put together."""

    code = "settlement.not_built"


class BatchContentError(DomainError):
    """Lines and facts of a batch do not agree; data: faults."""

    code = "settlement.content_wrong"


class LaterBatchError(DomainError):
    """A later batch of the same payees rests on this one; data: batch."""

    code = "settlement.later_batch"


class ApprovalPendingError(DomainError):
    """The batch cannot change while its approval waits."""

    code = "settlement.approval_pending"


class NotDueError(DomainError):
    """The terms of the acquirer do not allow to pay yet; data: due_on."""

    code = "settlement.not_due"


class DayOpenError(DomainError):
    """The business date has not been cut off; data: business_date."""

    code = "settlement.day_open"


class CashShortError(DomainError):
    """A prefunding funder's cash does not cover what would be paid; data: funder, shortfall_fen."""

    code = "settlement.cash_short"


class NothingToRepayError(DomainError):
    """The payee owes less than that; data: limit_fen."""

    code = "settlement.nothing_to_repay"


class RecoveryConflictError(DomainError):
    """A refund of the recovered redemption was netted already."""

    code = "settlement.recovery_conflict"


class RepaymentRecordedError(DomainError):
    """The document number is known with another amount."""

    code = "settlement.repayment_recorded"


class PayoutUnknownError(DomainError):
    """No payout has this reference; data: reference."""

    code = "payout.unknown"


class PayoutAmountError(DomainError):
    """The bank's amount is not the payout's; data: reference, expected_fen, given_fen."""

    code = "payout.amount_differs"


class PayoutResultError(DomainError):
    """Another result of this attempt is on record; data: reference."""

    code = "payout.result_differs"


class ReconFileError(DomainError):
    """A file that cannot be used; data: row (from 1), reason."""

    code = "recon.file_refused"


class ControlTotalsError(DomainError):
    """A file whose totals are not those of its rows; data: field, declared, counted."""

    code = "recon.totals_differ"


class DayHasFileError(DomainError):
    """Another file of the same day is on record; data: business_date, name."""

    code = "recon.day_has_file"


class DayNotReadyError(DomainError):
    """Something is unexplained; data: open, suspense, missing."""

    code = "recon.day_not_ready"


class NothingToSuspendError(DomainError):
    """No difference waits for the approval of its suspense."""

    code = "recon.nothing_to_suspend"


class EvidenceRequiredError(DomainError):
    """A difference is explained by evidence."""

    code = "recon.evidence_required"
