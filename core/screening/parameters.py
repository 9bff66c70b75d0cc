"""Versioned parameters of rules, per campaign or for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.db.models import Max

from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.errors import InvalidParametersError
from core.ids import NIL
from core.screening.models import RuleParameter
from core.screening.rules import Rule, rule
from core.transactions import retry_conflicts, transaction_joined


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters in force: the version (0: the rule's defaults), the values, on or off."""

    version: int
    values: Mapping[str, int]
    enabled: bool


def rule_parameters(*, rule: Rule, campaign_id: UUID) -> Parameters:
    """Return a rule's parameters: the campaign's newest, else the general, else its defaults."""
    rows = {
        row.campaign_id: row
        for row in RuleParameter.objects.filter(
            rule=rule.id, campaign_id__in=[campaign_id, NIL]
        ).order_by("version")
    }
    row = rows.get(campaign_id) or rows.get(NIL)
    if row is None:
        return Parameters(0, MappingProxyType(dict(rule.defaults)), enabled=True)
    return Parameters(
        row.version, MappingProxyType({**rule.defaults, **row.values}), enabled=row.enabled
    )


@retry_conflicts
def rule_parameters_set(
    *,
    rule_id: str,
    values: Mapping[str, int],
    actor: User,
    region: str,
    reason: str,
    now: datetime,
    campaign_id: UUID = NIL,
    enabled: bool = True,
) -> RuleParameter:
    """Add a version of a rule's parameters, in force from the next run on.

    Raises:
        InvalidParametersError: an unknown name, or a value that is not a non-negative integer.
        DomainError: ``access.permission_denied``.
    """
    assert_may(actor, "core.add_ruleparameter", region)
    known = rule(rule_id).defaults
    for name, value in values.items():
        if name not in known:
            raise InvalidParametersError.one(name, "没有这个参数")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InvalidParametersError.one(name, "应为非负整数")
    with transaction_joined():
        versions = RuleParameter.objects.filter(rule=rule_id, campaign_id=campaign_id)
        last = versions.aggregate(last=Max("version"))["last"] or 0
        row = RuleParameter.objects.create(
            rule=rule_id,
            version=last + 1,
            campaign_id=campaign_id,
            values=dict(values),
            enabled=enabled,
            created_at=now,
            created_by=actor,
        )
        audit_record(
            action="screening.parameters",
            subject_type="rule",
            subject_id=rule_id,
            now=now,
            actor=actor,
            owner_region=region,
            reason=reason,
            data={
                "campaign": campaign_id,
                "version": row.version,
                "values": row.values,
                "enabled": enabled,
            },
        )
    return row
