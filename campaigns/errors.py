"""What can go wrong with campaigns, their money and their lists."""

from collections.abc import Iterable
from typing import Self

from core.errors import DomainError, InvalidParam


class _ListedError(DomainError):
    """An error that lists every failing place with its reason."""

    @classmethod
    def listed(cls, problems: Iterable[tuple[str, str]]) -> Self:
        """Make the error from (path or name, reason) pairs."""
        return cls(invalid_params=[InvalidParam(name, reason) for name, reason in problems])

    @classmethod
    def one(cls, name: str, reason: str) -> Self:
        """Make the error for a single place."""
        return cls.listed([(name, reason)])


class DefinitionInvalidError(_ListedError):
    """The definition breaks a rule; every path with its reason is listed."""

    code = "campaign.definition_invalid"


class CampaignNotReadyError(_ListedError):
    """The campaign cannot go live yet; every missing thing is listed."""

    code = "campaign.not_ready"


class CloseBlockedError(_ListedError):
    """Money or cases are still open; each is listed."""

    code = "campaign.close_blocked"


class BudgetStaleError(DomainError):
    """The ``current`` amount that was sent is not the present one; data: current_fen."""

    code = "campaign.budget_stale"


class BudgetBelowUsedError(DomainError):
    """A cut would go below what is issued and reserved; data: funder, missing_fen."""

    code = "campaign.budget_below_used"


class BudgetBelowReceivedError(DomainError):
    """A cut would go below the cash that has come; data: funder, missing_fen."""

    code = "campaign.budget_below_received"


class DraftOpenError(DomainError):
    """The draft holds changes that were not submitted."""

    code = "campaign.draft_open"


class DraftChangedError(DomainError):
    """The draft is not the one that was opened: somebody else saved it since."""

    code = "campaign.draft_changed"


class DraftUnchangedError(DomainError):
    """The draft is the version in force: there is nothing to approve."""

    code = "campaign.draft_unchanged"


class FundsNotCashError(DomainError):
    """商户让利 is never cash."""

    code = "funds.not_cash"


class FundsExceedError(DomainError):
    """More than the ledger has on the account that is reduced; data: limit_fen."""

    code = "funds.exceeds"


class FundsDuplicateError(DomainError):
    """A movement of this kind with this document number is entered already."""

    code = "funds.duplicate"


class AmountInvalidError(DomainError):
    """An amount must be a positive number of fen within bounds."""

    code = "funds.amount_invalid"


class AdjustmentNotAllowedError(DomainError):
    """The kind of adjustment is not on the closed list, or its accounts do not fit."""

    code = "adjustment.not_allowed"


class WhitelistEmptyError(DomainError):
    """A list without a store cannot be submitted."""

    code = "whitelist.empty"


class WhitelistStoresUnknownError(_ListedError):
    """Store numbers that do not exist or lie outside the campaign's regions."""

    code = "whitelist.stores_unknown"
