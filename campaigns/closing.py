"""What keeps a campaign from being closed; upper rooms add what they know of."""

from collections.abc import Callable, Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from core.ledger.models import Account, AccountKind
from core.money import yuan_text

Blocker = tuple[str, str]
"""(subject, reason in words)."""

MUST_BE_ZERO = (
    AccountKind.RESERVED,
    AccountKind.OUTSTANDING,
    AccountKind.HELD,
    AccountKind.EARMARKED,
    AccountKind.PAYABLE,
    AccountKind.PAYABLE_FROZEN,
    AccountKind.SETTLING,
    AccountKind.IN_TRANSIT,
    AccountKind.ADVANCE_PAYABLE,
)

_blockers: dict[str, Callable[[UUID], Iterable[Blocker]]] = {}


def close_blocker_register(name: str, find: Callable[[UUID], Iterable[Blocker]]) -> None:
    """Register what finds open matters of a campaign (by id), e.g. open discrepancies.

    Raises:
        ValueError: another one has the name.
    """
    if _blockers.setdefault(name, find) != find:
        raise ValueError(f"close blocker registered twice: {name}")


def close_blockers(campaign_id: UUID) -> list[Blocker]:
    """Return everything that is still open: money on the way, and what upper rooms report."""
    accounts = Account.objects.filter(
        campaign_id=campaign_id, kind__in=MUST_BE_ZERO, balance_fen__gt=0
    )
    totals: dict[str, int] = {}
    for kind, fen in accounts.order_by("kind").values_list("kind", "balance_fen"):
        totals[kind] = totals.get(kind, 0) + fen
    open_money = [
        (
            str(AccountKind(kind).label),
            _("尚有余额 %(amount)s 元") % {"amount": yuan_text(fen)},
        )
        for kind, fen in totals.items()
    ]
    reported = [one for name in sorted(_blockers) for one in _blockers[name](campaign_id)]
    return [*open_money, *reported]
