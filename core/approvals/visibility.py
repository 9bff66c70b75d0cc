"""Who reads which approvals: the region's staff, of some kinds only those who may read the subject.

Asked by every place that shows approvals: lists, pages, searches, exports, what waits for whom.
"""

from django.db.models import Q, QuerySet

from core.access.roles import Principal, grants_permitting
from core.access.scope import ScopeFields, scope_condition, scope_queryset
from core.approvals.models import Approval
from core.approvals.registry import ApprovalKind, approval_kinds

VIEW = "core.view_approval"


def approvals_visible(rows: QuerySet[Approval], user: Principal) -> QuerySet[Approval]:
    """Return the approvals of ``rows`` that ``user`` may read.

    Of a kind with a ``reader_action`` those in a region where his roles permit it, and those that
    need the second level where they permit signing: nobody signs what he cannot read.
    """
    visible = scope_queryset(rows, user, action=VIEW)
    for kind in _restricted():
        allowed = _condition(user, kind.reader_action)
        signed = _condition(user, kind.director_action)
        if signed is not None:
            signed &= Q(depth__gt=1)
            allowed = signed if allowed is None else allowed | signed
        others = ~Q(kind=kind.kind)
        visible = visible.filter(others if allowed is None else others | allowed)
    return visible


def approvals_withheld(user: Principal, *, path: str) -> Q | None:
    """Return the filter of log rows about approvals that ``user`` may not read; None for no rows.

    ``path`` leads from such a row to the kind of the approval; its region is ``owner_region``.
    """
    total: Q | None = None
    for kind in _restricted():
        allowed = _condition(user, kind.reader_action)
        withheld = Q(**{path: kind.kind})
        if allowed is not None:
            withheld &= ~allowed
        total = withheld if total is None else total | withheld
    return total


def _restricted() -> list[ApprovalKind]:
    return [kind for kind in approval_kinds() if kind.reader_action]


def _condition(user: Principal, action: str) -> Q | None:
    return scope_condition(grants_permitting(user, action), ScopeFields())
