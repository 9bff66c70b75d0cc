"""What the redemption room registers with the rooms below when it is ready."""

from core.jobs.registry import job_kind_register
from core.jobs.schedules import Poller, poller_register, tick_job_register
from core.outbox.registry import consumer_register
from core.screening.rules import rule_register
from redemption.checks import redemption_checks_register
from redemption.events import CONFIRMED, RECORDED, REFUNDED, REVERSED
from redemption.forecast.job import FORECAST
from redemption.returns.issuing import on_redemptions_confirmed, on_transaction_recorded
from redemption.returns.reversing import on_redemptions_reversed, on_transactions_refunded
from redemption.screening.insiders import InsiderRule
from redemption.screening.quick import QuickRule
from redemption.screening.runs import RunRule
from redemption.screening.services import SCREENING_JOB
from redemption.screening.splits import SplitRule
from redemption.segments import segments_register

POLLERS = (
    Poller("redemption.holds", "redemption.tasks.holds_sweep", queue="claims", every_s=5),
    Poller("redemption.rewards", "redemption.tasks.rewards_sweep", queue="claims", every_s=5),
)
CONSUMERS = (
    (CONFIRMED, "redemption.returns_issue", on_redemptions_confirmed),
    (RECORDED, "redemption.returns_issue_transactions", on_transaction_recorded),
    (REVERSED, "redemption.returns_reverse", on_redemptions_reversed),
    (REFUNDED, "redemption.returns_reverse_transactions", on_transactions_refunded),
)
RULES = (RunRule(), QuickRule(), InsiderRule(), SplitRule())


def redemption_register() -> None:
    """Register checks, rules and schedules; repeating changes nothing."""
    redemption_checks_register()
    for rule in RULES:
        rule_register(rule)
    for poller in POLLERS:
        poller_register(poller)
    for topic, name, handler in CONSUMERS:
        consumer_register(topic, name, handler)
    tick_job_register(SCREENING_JOB)
    job_kind_register(FORECAST)
    segments_register()
