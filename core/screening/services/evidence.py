"""Putting hits on a case: who owns it, what it rests on, whether money may be frozen."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Q

from core.access.models import Role, RoleGrant, User
from core.access.region_codes import subtree_contains
from core.calendar import CalendarYearUnknownError, add_natural_days, add_working_days
from core.canonical import canonical_hash
from core.clock import TIME_ZONE
from core.screening.models import Case, CaseState, Hit
from core.screening.rules import Finding, SubjectType

DUE_WORKING_DAYS = 10
DUE_NATURAL_DAYS = 14
FAMILIES_TO_FREEZE = 2
OPEN_STATES = (CaseState.OPEN, CaseState.IN_REVIEW)


def case_open(
    *, campaign_id: UUID, subject_type: SubjectType, finding: Finding, now: datetime
) -> tuple[Case, bool]:
    """Return the open case of the finding's subject, locked, and whether it is new.

    A new case gets the least busy 风控经办 whose region covers it as owner and ten working days.
    """
    subject = {
        "campaign_id": campaign_id,
        "subject_type": subject_type,
        "subject_id": finding.subject_id,
    }
    open_cases = Case.objects.select_for_update().filter(**subject, state__in=OPEN_STATES)
    case = open_cases.first()
    if case is not None:
        return case, False
    case = Case.objects.create(
        **subject,
        subject_label=finding.subject_label,
        owner_region=finding.owner_region,
        store_region=finding.store_region,
        owner=case_owner_choose(region=finding.owner_region, now=now),
        opened_at=now,
        due_on=due_date(now),
    )
    return case, True


def due_date(now: datetime) -> date:
    """Return ten working days from ``now``, or two weeks where the calendar is not known yet."""
    day = now.astimezone(TIME_ZONE).date()
    try:
        return add_working_days(day, DUE_WORKING_DAYS)
    except CalendarYearUnknownError:
        # Only a reminder to people: it must not keep a case from being opened.
        return add_natural_days(day, DUE_NATURAL_DAYS)


def case_owner_choose(*, region: str, now: datetime) -> User | None:
    """Return the 风控经办 covering ``region`` with the fewest open cases; None if there is none."""
    grants = RoleGrant.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        role=Role.RISK_MAKER,
        revoked_at__isnull=True,
        user__is_active=True,
    )
    users = {
        user_id
        for user_id, code in grants.values_list("user_id", "region_id")
        if subtree_contains(code, region)
    }
    busy = dict(
        Case.objects.filter(owner__in=users, state__in=OPEN_STATES)
        .order_by()
        .values_list("owner")
        .annotate(Count("pk"))
    )
    chosen = min(users, key=lambda pk: (busy.get(pk, 0), pk), default=None)
    return User.objects.get(pk=chosen) if chosen is not None else None


def facts_known(*, rule_id: str, campaign_id: UUID, subject_id: str) -> set[str]:
    """Return the facts that earlier hits of a rule rest on, in open and decided cases alike."""
    earlier = Hit.objects.filter(rule=rule_id, campaign_id=campaign_id, subject_id=subject_id)
    return {fact for facts in earlier.values_list("fact_ids", flat=True) for fact in facts}


def facts_cleared(case: Case) -> set[str]:
    """Return the facts that a released case of the same subject cleared; they stay free."""
    cleared = Hit.objects.filter(
        case__campaign_id=case.campaign_id,
        case__subject_type=case.subject_type,
        case__subject_id=case.subject_id,
        case__state=CaseState.RELEASED,
    )
    return {fact for facts in cleared.values_list("fact_ids", flat=True) for fact in facts}


def may_freeze(hits: Iterable[Hit]) -> bool:
    """Tell whether money may be frozen: two independent families, or a rule that may alone."""
    known = list(hits)
    families = {hit.family for hit in known}
    return len(families) >= FAMILIES_TO_FREEZE or any(hit.freezes for hit in known)


def evidence_hash(hits: Iterable[Hit]) -> str:
    """Return the hash of the snapshot of all evidence on a case."""
    return canonical_hash(
        [
            {
                "rule": hit.rule,
                "version": hit.rule_version,
                "from": hit.window_from,
                "until": hit.window_until,
                "evidence": hit.evidence,
                "facts": hit.fact_ids,
            }
            for hit in sorted(hits, key=lambda hit: hit.pk)
        ]
    )
