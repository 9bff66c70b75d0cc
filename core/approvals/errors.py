"""What can go wrong with an approval."""

from core.errors import DomainError


class MakerIsCheckerError(DomainError):
    """The maker tried to decide on his own request."""

    code = "approval.maker_is_checker"


class AlreadyDecidedError(DomainError):
    """This checker has given his word already; the next level needs another person."""

    code = "approval.already_decided"


class ConfigurationChangedError(DomainError):
    """What would take effect is no longer what was submitted."""

    code = "approval.configuration_changed"


class PendingExistsError(DomainError):
    """The same matter of the same subject waits for a decision already."""

    code = "approval.pending_exists"
