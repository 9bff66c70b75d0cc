"""Errors of the merchants room; texts are in core.errors.catalogue.merchants."""

from core.errors import DomainError, InvalidParam


class AcquirerCodeTakenError(DomainError):
    """Another acquirer has this code."""

    code = "acquirer.code_taken"


class AcquirerOrganisationTakenError(DomainError):
    """The organisation is an acquirer already."""

    code = "acquirer.organisation_taken"


class BrandNameTakenError(DomainError):
    """There is a brand of this name."""

    code = "brand.name_taken"


class MerchantRegisteredElsewhereError(DomainError):
    """Another region's bureau registered this legal entity; only that bureau changes it."""

    code = "merchant.registered_elsewhere"


class MerchantRemovedError(DomainError):
    """The merchant was removed (清退)."""

    code = "merchant.removed"


class PayeeNumberTakenError(DomainError):
    """The merchant number is another merchant's at this acquirer."""

    code = "payee.number_taken"


class PayeeMissingError(DomainError):
    """The merchant number has no current payee, so nobody could be paid."""

    code = "payee.missing"


class TerminalTakenError(DomainError):
    """The terminal stands in a store of another merchant."""

    code = "terminal.taken"


class TerminalUntestedError(DomainError):
    """A terminal goes live only after its voucher test (验券测试)."""

    code = "terminal.untested"


class ReasonRequiredError(DomainError):
    """The change needs a reason."""

    code = "audit.reason_required"


class NotFoundError(DomainError):
    """No such row, or not one of the caller's."""

    code = "access.not_found"


class ImportFileRefusedError(DomainError):
    """The file as a whole cannot be imported; ``reason`` says why, in the data too."""

    code = "import.file_refused"

    def __init__(self, reason: str) -> None:
        """Take the reason in words for the sender."""
        super().__init__(data={"reason": reason}, invalid_params=[InvalidParam("file", reason)])
        self.reason = reason
