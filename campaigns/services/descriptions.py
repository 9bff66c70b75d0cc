"""What a checker agrees to, in words (shown on the page of the approval)."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from campaigns.definition.diff import MAX_LINES, document_changes
from campaigns.definition.document import definition_stored
from campaigns.models import Campaign, Funder, FundsMovement
from core.canonical import canonical_json
from core.money import yuan_text

VALUE_MAX = 160


def version_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say the whole first version in words, of a later one what it changes."""
    campaign = Campaign.objects.select_related("version").get(pk=subject_id)
    if campaign.version is None:
        return draft_words(campaign)
    if campaign.version.document == campaign.draft:
        return [_("与生效版本相同")]
    changes = document_changes(campaign.version.document, campaign.draft)
    return [
        f"{path}：{_value(old)} → {_value(new)}" for path, old, new in islice(changes, MAX_LINES)
    ]


def draft_words(campaign: Campaign) -> list[str]:
    """Say period, funders, batches and rules of a draft."""
    definition = definition_stored(campaign.draft)
    spec = definition.spec
    lines = [
        _("活动期间：%(start)s 至 %(end)s（不含）") % {"start": spec.starts_at, "end": spec.ends_at}
    ]
    lines += [
        _("%(name)s：预算额度 %(quota)s 元，文号 %(number)s")
        % {
            "name": funder.name,
            "quota": yuan_text(funder.quota_fen),
            "number": funder.document.number,
        }
        for funder in spec.funders
    ]
    lines += definition.rules_text()
    lines += [
        _("示意内容：%(path)s（%(note)s）") % {"path": mark.path, "note": mark.note}
        for mark in spec.illustrative
    ]
    return lines


def funds_words(_subject_id: str, payload: Mapping[str, Any]) -> list[str]:
    """Say a movement of funds in words."""
    campaign = Campaign.objects.get(pk=payload["campaign"])
    funder = Funder.objects.get(pk=payload["funder"])
    return [
        f"{campaign.title} · {funder.name}",
        _("%(kind)s %(amount)s 元")
        % {
            "kind": FundsMovement.Kind(payload["kind"]).label,
            "amount": yuan_text(payload["amount_fen"]),
        },
        _("凭证号 %(number)s，日期 %(day)s")
        % {"number": payload["document_no"], "day": payload["value_date"]},
    ]


def _value(value: Any) -> str:
    if value is None:
        return _("无")
    text = value if isinstance(value, str) else canonical_json(value).decode()
    return text if len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}…"
