"""What a checker of batches agrees to, in words (the approval's page)."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from vouchers.models import Batch


def switch_words(subject_id: str, payload: Mapping[str, Any]) -> list[str]:
    """Say what of a batch runs again, and how much of it is out; numbers of vouchers."""
    batch = Batch.objects.select_related("campaign").get(pk=subject_id)
    again = _("恢复领取") if payload["side"] == "claims" else _("恢复核销")
    return [
        f"{batch.campaign.title} · {batch.name}",
        again,
        _("已投放 %(released)s 张，已领取 %(issued)s 张")
        % {"released": batch.released, "issued": batch.issued},
    ]
