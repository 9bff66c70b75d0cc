"""What settlement, reconciliation and screening still have open of a campaign (its close waits)."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from campaigns.closing import Blocker
from core.models import Case
from core.screening.models import CaseState
from redemption.models import Discrepancy, SettlementBatch
from redemption.settlement.states import DiscrepancyState


def open_matters(campaign_id: UUID) -> Iterator[Blocker]:
    """Yield what keeps the campaign from its close: cases undecided, differences unexplained.

    A difference without a redemption of ours counts where the campaign was settled with that
    acquirer on that business date. What is only approved as suspense is still open.
    """
    cases = Case.objects.filter(
        campaign_id=campaign_id, state__in=(CaseState.OPEN, CaseState.IN_REVIEW)
    ).count()
    if cases:
        yield _("风险核查单"), _("尚有 %(count)s 件未办结") % {"count": cases}
    settled = SettlementBatch.objects.filter(
        campaign_id=campaign_id,
        acquirer=OuterRef("day__acquirer"),
        business_date=OuterRef("day__business_date"),
    )
    differences = (
        Discrepancy.objects.exclude(state=DiscrepancyState.EXPLAINED)
        .filter(
            Q(redemption__campaign_id=campaign_id)
            | Q(fact__redemption__campaign_id=campaign_id)
            | (Q(redemption__isnull=True) & Q(fact__isnull=True) & Exists(settled))
        )
        .count()
    )
    if differences:
        yield _("对账差错"), _("尚有 %(count)s 笔未说明") % {"count": differences}
