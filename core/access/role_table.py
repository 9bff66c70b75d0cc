"""What each role may do, and which roles exclude each other (architecture.md, Ways in).

Permissions are named per action as ``<app>.<verb>_<object>`` and matched by shell patterns; what no
pattern names is denied. Verbs: view · add, change, submit (经办 prepares) · approve (复核 decides)
· sign (分管领导) · pause, stop, restart · import · check, send, record · decide · issue, revoke,
replay · forecast.
"""

from typing import Final

from core.access.models import Organisation, Role

Kind = Organisation.Kind

CONFIGURATION: Final = (
    "campaigns.view_*",
    "merchants.view_*",
    "vouchers.view_batch*",
    "vouchers.view_grant*",
    "vouchers.view_audience*",
    "vouchers.view_quota*",
    "vouchers.view_limit",
    "core.view_region",
    "core.view_organisation",
    "core.view_approval*",
    "core.view_job*",
    "core.view_dashboard",
)
FACTS: Final = (
    "vouchers.view_claim",
    "vouchers.view_voucher",
    "redemption.view_*",
    "core.view_trace",
)
MONEY: Final = ("core.view_account", "core.view_entry", "core.view_posting", "redemption.view_*")
PERSONS: Final = (
    "vouchers.view_enrolment*",
    "vouchers.view_identity*",
    "vouchers.view_limituse",
)

ROLE_ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    Role.CAMPAIGN_MAKER: (
        *CONFIGURATION,
        *FACTS,
        "campaigns.add_campaign",
        "campaigns.change_campaign",
        "campaigns.submit_campaign",
        "campaigns.import_campaign",
        "campaigns.launch_campaign",
        "campaigns.pause_campaign",
        "campaigns.stop_campaign",
        "campaigns.restart_campaign",
        "campaigns.end_campaign",
        "campaigns.close_campaign",
        "campaigns.forecast_campaign",
        "campaigns.add_fund*",
        "campaigns.change_fund*",
        "vouchers.add_batch*",
        "vouchers.change_batch*",
        "vouchers.pause_batch",
        "vouchers.restart_batch",
        "vouchers.add_grant",
        "vouchers.submit_grant",
        "vouchers.download_grant",
        "vouchers.add_audience",
        "vouchers.add_audiencesnapshot",
        "vouchers.submit_audiencesnapshot",
        "vouchers.download_audiencesnapshot",
        "redemption.change_exceptionitem",
        "core.add_job",
    ),
    Role.CAMPAIGN_CHECKER: (
        *CONFIGURATION,
        *FACTS,
        *MONEY,
        "campaigns.approve_campaign",
        "campaigns.approve_fund*",
        "campaigns.approve_version",
        "campaigns.approve_restart",
        "campaigns.forecast_campaign",
        "campaigns.pause_campaign",
        "campaigns.stop_campaign",
        "vouchers.approve_batch",
        "vouchers.approve_grant",
        "vouchers.download_grant",
        "vouchers.approve_audiencesnapshot",
        "vouchers.download_audiencesnapshot",
        "vouchers.pause_batch",
    ),
    Role.DIRECTOR: (
        *CONFIGURATION,
        *FACTS,
        *MONEY,
        "campaigns.sign_*",
        "campaigns.forecast_campaign",
        "vouchers.sign_batch",
        "vouchers.sign_grant",
        "vouchers.sign_audiencesnapshot",
        "vouchers.sign_controlentry",
        "vouchers.download_grant",
        "redemption.sign_*",
        "core.sign_*",
        "campaigns.pause_campaign",
        "campaigns.stop_campaign",
    ),
    Role.LIST_MAKER: (
        *CONFIGURATION,
        "merchants.add_*",
        "merchants.change_*",
        "merchants.submit_*",
        "merchants.import_*",
        "merchants.suspend_*",
        "merchants.resume_*",
        "merchants.remove_*",
        "campaigns.add_whitelist*",
        "campaigns.change_whitelist*",
        "campaigns.submit_whitelist*",
        "core.add_job",
    ),
    Role.LIST_CHECKER: (
        *CONFIGURATION,
        "merchants.approve_*",
        "campaigns.approve_whitelist*",
    ),
    Role.SETTLEMENT_MAKER: (
        *CONFIGURATION,
        *FACTS,
        *MONEY,
        "redemption.add_*",
        "redemption.change_*",
        "redemption.submit_*",
        "redemption.check_*",
        "redemption.send_*",
        "redemption.import_*",
        "redemption.record_*",
        "redemption.explain_*",
        "campaigns.add_fundsmovement",
        "core.add_job",
    ),
    Role.SETTLEMENT_CHECKER: (
        *CONFIGURATION,
        *FACTS,
        *MONEY,
        "redemption.approve_*",
        "campaigns.approve_fundsmovement",
    ),
    Role.PAYMENT_REGISTRAR: (
        *CONFIGURATION,
        *MONEY,
        "campaigns.add_fundsmovement",
        "redemption.record_*",
    ),
    Role.RISK_MAKER: (
        *CONFIGURATION,
        *FACTS,
        *PERSONS,
        "core.view_case",
        "core.view_hit",
        "core.view_ruleparameter",
        "core.change_case",
        "core.decide_case",
        "vouchers.view_controlentry",
        "vouchers.add_controlentry",
        "vouchers.lift_controlentry",
        "core.change_ruleparameter",
        "core.add_ruleparameter",
    ),
    Role.RISK_CHECKER: (
        *CONFIGURATION,
        *FACTS,
        *PERSONS,
        "core.view_case",
        "core.view_hit",
        "core.view_ruleparameter",
        "core.approve_case",
        "vouchers.view_controlentry",
        "vouchers.approve_controlentry",
        "core.approve_ruleparameter",
    ),
    Role.ACQUIRER_OPERATOR: (
        "merchants.view_*",
        "merchants.import_*",
        "redemption.view_*",
        "campaigns.view_campaign",
        "campaigns.view_whitelist*",
        "core.view_region",
        "core.view_job*",
        "core.add_job",
    ),
    Role.FUNDER_VIEWER: (
        "campaigns.view_*",
        "vouchers.view_batch*",
        "redemption.view_statement*",
        "redemption.view_settlement*",
        "core.view_region",
        "core.view_dashboard",
        "core.view_job*",
    ),
    Role.SERVICE_DESK: (*CONFIGURATION, *FACTS, *PERSONS),
    Role.AUDITOR: ("*.view_*",),
    Role.SYSTEM_ADMIN: (
        "core.view_region",
        "core.*_organisation",
        "core.*_user",
        "core.*_client",
        "core.*_clientkey",
        "core.view_job*",
        "core.view_scheduledtick",
        "core.view_businessclock",
        "core.view_outboxevent",
        "core.view_delivery",
        "core.replay_delivery",
        "django_celery_beat.*",
    ),
    Role.SECURITY_ADMIN: (
        "core.view_region",
        "core.view_organisation",
        "core.view_user",
        "core.*_rolegrant",
        "core.view_client",
        "core.view_clientkey",
        "core.revoke_clientkey",
        "axes.*",
    ),
    Role.SECURITY_AUDITOR: (
        "core.view_audit*",
        "core.view_user",
        "core.view_rolegrant",
        "core.view_organisation",
        "core.view_client",
        "core.view_clientkey",
        "axes.view_*",
    ),
}

ADMINISTRATORS: Final = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.SECURITY_AUDITOR})
ACTS_FOR_ORGANISATION: Final = frozenset({Role.ACQUIRER_OPERATOR, Role.FUNDER_VIEWER})
"""Roles that see only rows of the grant's organisation."""

ORGANISATION_KINDS: Final[dict[str, frozenset[str]]] = {
    Role.CAMPAIGN_MAKER: frozenset({Kind.BUREAU, Kind.FINANCE, Kind.OPERATOR}),
    Role.CAMPAIGN_CHECKER: frozenset({Kind.BUREAU, Kind.FINANCE}),
    Role.DIRECTOR: frozenset({Kind.BUREAU, Kind.FINANCE}),
    Role.LIST_MAKER: frozenset({Kind.BUREAU, Kind.OPERATOR}),
    Role.LIST_CHECKER: frozenset({Kind.BUREAU, Kind.OPERATOR}),
    Role.SETTLEMENT_MAKER: frozenset({Kind.BUREAU, Kind.FINANCE, Kind.OPERATOR}),
    Role.SETTLEMENT_CHECKER: frozenset({Kind.BUREAU, Kind.FINANCE}),
    Role.PAYMENT_REGISTRAR: frozenset({Kind.FINANCE}),
    Role.RISK_MAKER: frozenset({Kind.BUREAU, Kind.OPERATOR}),
    Role.RISK_CHECKER: frozenset({Kind.BUREAU, Kind.OPERATOR}),
    Role.ACQUIRER_OPERATOR: frozenset({Kind.ACQUIRER}),
    Role.FUNDER_VIEWER: frozenset({Kind.BANK, Kind.FINANCE, Kind.MERCHANT_HQ}),
    Role.SERVICE_DESK: frozenset({Kind.SERVICE_DESK, Kind.BUREAU, Kind.OPERATOR}),
    Role.AUDITOR: frozenset({Kind.AUDITOR, Kind.BUREAU, Kind.FINANCE}),
    Role.SYSTEM_ADMIN: frozenset({Kind.BUREAU, Kind.OPERATOR}),
    Role.SECURITY_ADMIN: frozenset({Kind.BUREAU, Kind.OPERATOR}),
    Role.SECURITY_AUDITOR: frozenset({Kind.BUREAU, Kind.OPERATOR}),
}
"""Which organisations may hold a role at all."""

OPERATOR_NEVER: Final = frozenset({Role.CAMPAIGN_CHECKER, Role.DIRECTOR, Role.SETTLEMENT_CHECKER})
"""承办机构 never approves budget or settlement; kept by the database as well."""

MAKER_CHECKER_PAIRS: Final = frozenset(
    {
        frozenset({Role.CAMPAIGN_MAKER, Role.CAMPAIGN_CHECKER}),
        frozenset({Role.CAMPAIGN_MAKER, Role.DIRECTOR}),
        frozenset({Role.LIST_MAKER, Role.LIST_CHECKER}),
        frozenset({Role.SETTLEMENT_MAKER, Role.SETTLEMENT_CHECKER}),
        frozenset({Role.SETTLEMENT_MAKER, Role.DIRECTOR}),
        frozenset({Role.PAYMENT_REGISTRAR, Role.SETTLEMENT_CHECKER}),
        frozenset({Role.RISK_MAKER, Role.RISK_CHECKER}),
    }
)
"""Pairs one person cannot hold over regions that overlap: they would meet on one object."""

_LIST: Final = frozenset({Role.LIST_MAKER, Role.LIST_CHECKER})
_RISK: Final = frozenset({Role.RISK_MAKER, Role.RISK_CHECKER})
_SETTLEMENT: Final = frozenset({Role.SETTLEMENT_MAKER, Role.SETTLEMENT_CHECKER})


def roles_conflict(one: str, other: str, *, overlap: bool) -> bool:
    """Tell whether one person cannot hold both roles; ``overlap``: their regions overlap.

    名单 × 结算, 风控 × 结算 and any administrator × any other role exclude each other everywhere,
    经办 × 复核 where they could meet on one object. The same rule is in core/sql/access.sql.
    """
    if one == other:
        return False
    if one in ADMINISTRATORS or other in ADMINISTRATORS:
        return True
    for first, second in ((one, other), (other, one)):
        if first in _SETTLEMENT and second in _LIST | _RISK:
            return True
    return overlap and frozenset({one, other}) in MAKER_CHECKER_PAIRS
