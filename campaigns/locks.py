"""Row locks of this room; campaigns come first in the lock order (architecture.md)."""

from uuid import UUID

from campaigns.models import Campaign, Whitelist
from core.errors import DomainError


def campaign_lock(campaign_id: UUID) -> Campaign:
    """Lock a campaign for a change of its configuration or state; 404 if there is none.

    NO KEY UPDATE: rows that point at the campaign can be inserted meanwhile.
    """
    rows = Campaign.objects.select_for_update(no_key=True).filter(pk=campaign_id)
    campaign = rows.first()
    if campaign is None:
        raise DomainError("access.not_found")
    return campaign


def whitelist_lock(whitelist_id: UUID) -> Whitelist:
    """Lock a version of the list; 404 if there is none. Lock its campaign before."""
    whitelist = Whitelist.objects.select_for_update(no_key=True).filter(pk=whitelist_id).first()
    if whitelist is None:
        raise DomainError("access.not_found")
    return whitelist
