"""What a checker agrees to, in words (shown on the page of the approval)."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from campaigns.definition.diff import MAX_LINES, document_changes
from campaigns.definition.document import definition_stored
from campaigns.models import Campaign, Funder, FundsMovement, Whitelist
from core.canonical import canonical_json
from core.money import yuan_text

VALUE_MAX = 160


def version_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say the whole first version in words, of a later one what it changes."""
    campaign = Campaign.objects.select_related("version").get(pk=subject_id)
    if campaign.version is None:
        return draft_words(campaign)
    before, after = definition_stored(campaign.version.document), definition_stored(campaign.draft)
    if before.document() == after.document():
        return [_("与生效版本相同")]
    changes = document_changes(before.document(), after.document())
    return [
        *after.signed(),
        *(
            f"{path}：{_value(old)} → {_value(new)}"
            for path, old, new in islice(changes, MAX_LINES)
        ),
    ]


def draft_words(campaign: Campaign) -> list[str]:
    """Say period, funders, batches and rules of a draft."""
    definition = definition_stored(campaign.draft)
    spec = definition.spec
    lines = [
        *definition.signed(),
        _("活动期间：%(start)s 至 %(end)s（不含）")
        % {"start": spec.starts_at, "end": spec.ends_at},
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


def restart_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say what runs again when a campaign is restarted."""
    campaign = Campaign.objects.select_related("version").get(pk=subject_id)
    lines = [_("%(title)s 恢复领取和投放") % {"title": campaign.title}]
    lines.append(_("核销保持开启") if campaign.redemptions_on else _("同时恢复核销"))
    if campaign.version is not None:
        lines.append(_("按已生效的方案第 %(number)s 版运行") % {"number": campaign.version.number})
    return lines


def whitelist_words(subject_id: str, _payload: Mapping[str, Any]) -> list[str]:
    """Say how many stores a version of the list has, and what it changes."""
    whitelist = Whitelist.objects.select_related("campaign").get(pk=subject_id)
    entries = whitelist.entries.order_by().values("store_id")
    lines = [
        _("%(title)s 参与商户名单第 %(number)s 版，共 %(count)s 家门店")
        % {
            "title": whitelist.campaign.title,
            "number": whitelist.number,
            "count": entries.count(),
        }
    ]
    # Versions that were in force before this one; a rejected draft says nothing about stores.
    earlier = whitelist.campaign.whitelists.filter(
        number__lt=whitelist.number, in_force_at__isnull=False
    )
    before = earlier.order_by("-number").first()
    if before is None:
        return [*lines, _("首个版本，全部为新增")]
    old = before.entries.order_by().values("store_id")
    lines.append(
        _("与第 %(number)s 版相比：新增 %(added)s 家，移出 %(removed)s 家")
        % {
            "number": before.number,
            "added": whitelist.entries.exclude(store_id__in=old).count(),
            "removed": before.entries.exclude(store_id__in=entries).count(),
        }
    )
    return lines


def _value(value: Any) -> str:
    if value is None:
        return _("无")
    text = value if isinstance(value, str) else canonical_json(value).decode()
    return text if len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}…"
