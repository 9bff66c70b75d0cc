"""Refusals as the person may read them: which kind of key, never whose other account."""

from core.errors import Refusal
from vouchers.models.persons import KeyKind
from vouchers.rules.model import AudienceRule


def person_limit(*, window: str, limit: int, used: int) -> Refusal:
    """Say that the person himself (his document) has reached a claim limit."""
    return Refusal("claim.person_limit", {"window": window, "limit": limit, "used": used})


def same_person_other_account(*, window: str, limit: int, kind: str, masked: str) -> Refusal:
    """Say that a key beside the document has been used up; ``masked`` is the person's own key."""
    return Refusal(
        "claim.same_person_other_account",
        {
            "window": window,
            "limit": limit,
            "kind": kind,
            "kind_text": KeyKind(kind).label,
            "masked": masked,
        },
    )


def group_conflict(group: str) -> Refusal:
    """Say that the person has claimed from a group which this batch does not go with."""
    return Refusal("claim.group_conflict", {"group": group})


def not_in_audience(audience: AudienceRule) -> Refusal:
    """Say for whom the batch is and, if the rule tells, where one asks to be put on the list."""
    data = {"audience": audience.name}
    if audience.contact:
        data["contact"] = audience.contact
    return Refusal("claim.not_in_audience", data)
