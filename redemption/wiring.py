"""What the redemption room registers with the rooms below when it is ready."""

from core.jobs.registry import job_kind_register
from core.jobs.schedules import Poller, poller_register, tick_job_register
from core.screening.rules import rule_register
from redemption.checks import redemption_checks_register
from redemption.forecast.job import FORECAST
from redemption.screening.insiders import InsiderRule
from redemption.screening.quick import QuickRule
from redemption.screening.runs import RunRule
from redemption.screening.services import SCREENING_JOB
from redemption.screening.splits import SplitRule
from redemption.segments import segments_register

POLLERS = (Poller("redemption.holds", "redemption.tasks.holds_sweep", queue="claims", every_s=5),)
RULES = (RunRule(), QuickRule(), InsiderRule(), SplitRule())


def redemption_register() -> None:
    """Register checks, rules and schedules; repeating changes nothing."""
    redemption_checks_register()
    for rule in RULES:
        rule_register(rule)
    for poller in POLLERS:
        poller_register(poller)
    tick_job_register(SCREENING_JOB)
    job_kind_register(FORECAST)
    segments_register()
