"""The audiences that batches name: registered under that name, with a list that was approved."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from campaigns.definition.registry import Problem
from core.access.region_codes import subtree_contains
from vouchers.definition.model import BatchSpec
from vouchers.models import Audience
from vouchers.states import SnapshotState


def audiences_problems(spec: CampaignSpec, batches: Sequence[BatchSpec]) -> Iterator[Problem]:
    """Find what is wrong with the audiences of batches.

    An audience that is not registered (yet) is no fault: the campaign does not go live.
    """
    known = _audiences(spec, batches)
    for index, batch in enumerate(batches):
        rule, path = batch.rules.audience, f"batches[{index}].rules"
        if not rule:
            continue
        if not batch.rules.realname:
            # Anybody can say a number that is on a list.
            yield Problem(f"{path}.realname", _("定向人群的批次须实名认证后领取"))
        found = known.get(rule.code)
        if found is not None and found.name != rule.name:
            yield Problem(f"{path}.audience.name", _name_words(rule.code, found.name))


def audiences_not_ready(spec: CampaignSpec, batches: Sequence[BatchSpec]) -> Iterator[Problem]:
    """Find the batches of which nobody could claim: without audience, or without a list of it."""
    known = _audiences(spec, batches)
    for index, batch in enumerate(batches):
        rule = batch.rules.audience
        if not rule:
            continue
        found = known.get(rule.code)
        named = {"batch": batch.name, "audience": rule.name, "code": rule.code}
        path = f"batches[{index}].rules.audience"
        if found is None:
            reason = _("%(batch)s：本地区尚未登记定向人群“%(audience)s”（%(code)s）")
            yield Problem(path, reason % named)
        elif found.name != rule.name:
            yield Problem(f"{path}.name", _name_words(rule.code, found.name))
        elif not found.lists:
            reason = _("%(batch)s：定向人群“%(audience)s”（%(code)s）还没有已批准的名单")
            yield Problem(path, reason % named)


def _name_words(code: str, name: str) -> str:
    return _("人群 %(code)s 登记的名称为“%(name)s”") % {"code": code, "name": name}


class _Known(NamedTuple):
    name: str
    lists: int
    """Approved ones."""


def _audiences(spec: CampaignSpec, batches: Sequence[BatchSpec]) -> Mapping[str, _Known]:
    """Return code → audience of the campaign's region or above it; one query, or none."""
    codes = {batch.rules.audience.code for batch in batches if batch.rules.audience}
    if not codes:
        return {}
    approved = Q(snapshots__state=SnapshotState.APPROVED)
    rows = Audience.objects.filter(code__in=codes).annotate(
        lists=Count("snapshots", filter=approved)
    )
    return {
        code: _Known(name, lists)
        for code, name, region, lists in rows.values_list("code", "name", "owner_region", "lists")
        if subtree_contains(region, spec.owner_region)
    }
