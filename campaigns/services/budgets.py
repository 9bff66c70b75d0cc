"""Top-up and cut (追加/调减): a version that differs from the one in force in amounts alone."""

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from campaigns.definition.document import documents_equal
from campaigns.errors import BudgetStaleError, DefinitionInvalidError, DraftOpenError
from campaigns.locks import campaign_lock
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.versions import campaign_submit
from campaigns.states import CAMPAIGN_STATES
from core.access.models import User
from core.approvals.models import Approval
from core.transactions import retry_conflicts, transaction_joined

_PATH = re.compile(
    r"^(?P<section>[a-z_]+)\[(?P<index>\d+)\]\.(?P<field>quota_fen|units|budget\.(?P<funder>[a-z0-9-]+))$"
)


@dataclass(frozen=True, slots=True)
class BudgetChange:
    """An amount of the document in force: what the maker saw, and what it is to be.

    ``path``: ``funders[0].quota_fen``, ``batches[1].budget.bank`` (fen) or ``batches[1].units``.
    """

    path: str
    current: int
    target: int


@retry_conflicts
def campaign_budget_change(
    *,
    campaign_id: UUID,
    changes: Sequence[BudgetChange],
    reason: str,
    actor: User,
    now: datetime,
) -> Approval:
    """Submit a top-up or cut of amounts; on approval it is booked as the difference.

    Raises:
        BudgetStaleError: a ``current`` is not what is in force; data: path, current_fen.
        DraftOpenError: the draft holds other changes that were not submitted.
        DefinitionInvalidError: the amounts break the budget identity, or a path is none.
        StateConflictError, PendingExistsError, DomainError.
    """
    with transaction_joined():
        campaign = campaign_lock(campaign_id)
        if campaign.version is None:
            raise CAMPAIGN_STATES.conflict(campaign.state, "APPROVED")
        if not documents_equal(campaign.draft, campaign.version.document):
            raise DraftOpenError
        document = deepcopy(campaign.version.document)
        for change in changes:
            _change(document, change)
        campaign_draft_save(document=document, actor=actor, now=now)
        return campaign_submit(campaign_id=campaign.pk, actor=actor, now=now, reason=reason)


def _change(document: dict[str, Any], change: BudgetChange) -> None:
    match = _PATH.match(change.path)
    try:
        if match is None:
            raise KeyError(change.path)
        place: Any = document[match["section"]][int(match["index"])]
        name = match["field"]
        if match["funder"]:
            place, name = place["budget"], match["funder"]
        current = place[name]
    except (KeyError, IndexError, TypeError) as error:
        raise DefinitionInvalidError.one(change.path, str(change.target)) from error
    if current != change.current:
        raise BudgetStaleError(data={"path": change.path, "current_fen": current})
    place[name] = change.target
