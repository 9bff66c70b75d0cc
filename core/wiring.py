"""What the kernel registers with its own registries when it is ready."""

from core.approvals.registry import approval_kind_register
from core.invariants.kernel import kernel_checks_register
from core.invariants.services import NIGHTLY
from core.jobs.schedules import Poller, poller_register, tick_job_register
from core.moments import quick_moments_register
from core.screening.services.cases import CASE_APPROVAL

POLLERS = (
    Poller("core.outbox_relay", "core.outbox.tasks.delivery_relay", queue="events", every_s=5),
    Poller("core.jobs_sweep", "core.jobs.tasks.jobs_sweep", queue="events", every_s=60),
    Poller("core.audit_chain", "core.audit.tasks.audit_chain_append", queue="events", every_s=30),
)


def kernel_register() -> None:
    """Register the kernel's checks, schedules and approvals; repeating it changes nothing."""
    quick_moments_register()
    kernel_checks_register()
    approval_kind_register(CASE_APPROVAL)
    tick_job_register(NIGHTLY)
    for poller in POLLERS:
        poller_register(poller)
