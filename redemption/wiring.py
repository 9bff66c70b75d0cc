"""What the redemption room registers with the rooms below when it is ready."""

from core.jobs.schedules import Poller, poller_register
from redemption.checks import redemption_checks_register

POLLERS = (Poller("redemption.holds", "redemption.tasks.holds_sweep", queue="claims", every_s=5),)


def redemption_register() -> None:
    """Register checks and schedules; repeating changes nothing."""
    redemption_checks_register()
    for poller in POLLERS:
        poller_register(poller)
