"""What the campaigns room registers with the kernel when it is ready."""

from campaigns import states
from campaigns.checks import campaign_checks_register
from campaigns.services.adjustments import ADJUSTMENT_APPROVAL
from campaigns.services.closing import CLOSE_APPROVAL
from campaigns.services.funds import FUNDS_APPROVAL
from campaigns.services.lifecycle import RESTART_APPROVAL
from campaigns.services.versions import VERSION_APPROVAL
from campaigns.services.whitelists import WHITELIST_APPROVAL
from core.approvals.registry import approval_kind_register
from core.jobs.schedules import Poller, poller_register

APPROVALS = (
    ADJUSTMENT_APPROVAL,
    CLOSE_APPROVAL,
    FUNDS_APPROVAL,
    RESTART_APPROVAL,
    VERSION_APPROVAL,
    WHITELIST_APPROVAL,
)
POLLERS = (
    Poller("campaigns.end", "campaigns.tasks.campaigns_end", queue="release", every_s=5),
    Poller("campaigns.leftovers", "campaigns.tasks.leftovers", queue="settlement", every_s=60),
)
STATE_TABLES = (states.CAMPAIGN_STATES, states.WHITELIST_STATES)


def campaigns_register() -> None:
    """Register approvals and schedules; repeating it changes nothing."""
    for kind in APPROVALS:
        approval_kind_register(kind)
    for poller in POLLERS:
        poller_register(poller)
    campaign_checks_register()
