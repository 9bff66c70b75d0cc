"""What the vouchers room registers with the rooms below when it is ready."""

from dataclasses import replace

from core.approvals.registry import approval_kind_register
from core.jobs.schedules import Poller, poller_register
from core.screening.rules import rule_register
from vouchers import states
from vouchers.audiences.segments import OWN_SEGMENTS, segment_register
from vouchers.checks import voucher_checks_register
from vouchers.definition.section import batches_section_register
from vouchers.descriptions import switch_words
from vouchers.jobs import register as jobs_register
from vouchers.screening import DeviceRule
from vouchers.services.audience_approval import SNAPSHOT_APPROVAL
from vouchers.services.controls import CONTROL_APPROVAL, LIFT_APPROVAL
from vouchers.services.grant_approval import GRANT_APPROVAL
from vouchers.services.switches import SWITCH_APPROVAL

POLLERS = (
    Poller("vouchers.releases", "vouchers.tasks.releases_tick", queue="release", every_s=2),
    Poller("vouchers.expiry", "vouchers.tasks.vouchers_sweep", queue="claims", every_s=60),
)
STATE_TABLES = (
    states.RELEASE_STATES,
    states.VOUCHER_STATES,
    states.GRANT_STATES,
    states.SNAPSHOT_STATES,
    states.CONTROL_STATES,
)


def vouchers_register() -> None:
    """Register the section of the definition, approvals, schedules; repeating changes nothing."""
    batches_section_register()
    approval_kind_register(replace(SWITCH_APPROVAL, describe=switch_words))
    approval_kind_register(GRANT_APPROVAL)
    approval_kind_register(SNAPSHOT_APPROVAL)
    approval_kind_register(CONTROL_APPROVAL)
    approval_kind_register(LIFT_APPROVAL)
    for segment in OWN_SEGMENTS:
        segment_register(segment)
    jobs_register()
    rule_register(DeviceRule())
    for poller in POLLERS:
        poller_register(poller)
    voucher_checks_register()
