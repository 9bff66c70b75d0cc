"""Errors of roles, staff and clients."""

from core.errors import DomainError


class RolePairRefusedError(DomainError):
    """The person holds a role that excludes the new one."""

    code = "role.pair_refused"


class RoleOrganisationRefusedError(DomainError):
    """The organisation may not hold the role."""

    code = "role.organisation_refused"


class RoleSelfGrantError(DomainError):
    """Nobody grants himself a role."""

    code = "role.self_grant"


class RoleAlreadyGrantedError(DomainError):
    """The person holds this role for this region."""

    code = "role.already_granted"


class RoleTermRequiredError(DomainError):
    """An auditor's grant needs an end in the future."""

    code = "role.term_required"


class TooManyKeysError(DomainError):
    """A client has at most two active keys."""

    code = "client.too_many_keys"


class ClientCodeTakenError(DomainError):
    """Another client has this code."""

    code = "client.code_taken"


class OperationUnknownError(DomainError):
    """The allow-list names an operation that does not exist."""

    code = "client.operation_unknown"


class OrganisationCodeTakenError(DomainError):
    """Another organisation has this code."""

    code = "organisation.code_taken"


class UserNameTakenError(DomainError):
    """Another member of staff has this user name."""

    code = "user.name_taken"


class ReasonRequiredError(DomainError):
    """The action needs a reason, for the audit log."""

    code = "audit.reason_required"
