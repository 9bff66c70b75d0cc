"""The batches in words, for the rules page of a campaign."""

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from core.access.models import Region
from merchants.models import Merchant
from vouchers.definition.model import BatchSpec
from vouchers.rules.words import rules_words


def batches_words(_spec: CampaignSpec, batches: list[BatchSpec]) -> list[str]:
    """Return one line per batch: its name and every rule (vouchers/rules/words.py)."""
    codes = {code for batch in batches for code in batch.rules.use.regions}
    names = dict(Region.objects.filter(code__in=codes).values_list("code", "name"))
    industries = {str(one.value): str(one.label) for one in Merchant.Industry}
    return [
        f"{batch.name}：{'；'.join(rules)}"
        for batch in batches
        if (
            rules := rules_words(
                batch.rules,
                face_fen=batch.face_fen,
                region_names=names,
                industry_names=industries,
            )
        )
    ]


def batches_signed(_spec: CampaignSpec, batches: list[BatchSpec]) -> list[str]:
    """Name the batches whose subsidy a refund does not bring back (domain-rules §6, CASH_ONLY)."""
    return [
        _("%(batch)s：退款不追回补贴资金，须分管领导签批") % {"batch": batch.name}
        for batch in batches
        if batch.rules.refund_policy == "CASH_ONLY"
    ]
