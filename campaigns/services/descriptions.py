"""What a checker agrees to, in words (shown on the page of the approval)."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from campaigns.definition.diff import document_changes, passages_changes
from campaigns.definition.document import definition_stored
from campaigns.models import Campaign, Funder, FundsMovement, Version, Whitelist
from core.canonical import canonical_hash, canonical_json
from core.money import yuan_text
from core.passages import Passage


def version_words(subject_id: str, payload: Mapping[str, Any]) -> list[str | Passage]:
    """Say the whole first version in words, of a later one what it changes, part by part.

    Once it was approved, the page of its approval still says what it changed then.
    """
    old, new = _documents(subject_id, payload)
    if new is None:
        return [_("申请之后草稿已改动，申请时的内容不再保留")]
    return [*definition_stored(new).signed(), *documents_words(old, new)]


def documents_words(
    old: Mapping[str, Any] | None, new: Mapping[str, Any]
) -> Sequence[str | Passage]:
    """Say a stored document in words: all of it, or what differs from the one before."""
    after = definition_stored(new)
    if old is None:
        return [passage for passage in after.checked_words() if passage.lines]
    before = definition_stored(old)
    if before.document() == after.document():
        return [_("与上一版相同")]
    changes = passages_changes(before.checked_words(), after.checked_words())
    return changes or [_("文字相同，仅有逐项所列的改动")]


def version_fields(subject_id: str, payload: Mapping[str, Any]) -> list[str]:
    """Return every field that a later version changes, with the old and the new value."""
    old, new = _documents(subject_id, payload)
    if old is None or new is None:
        return []
    return fields_words(old, new)


def fields_words(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return every field in which two stored documents differ, ``path：old → new``."""
    before, after = definition_stored(old).document(), definition_stored(new).document()
    return [
        f"{path}：{_value(was)} → {_value(now)}"
        for path, was, now in document_changes(before, after)
    ]


def _documents(
    subject_id: str, payload: Mapping[str, Any]
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return the document before and the one that a request is about; None for none.

    A request names its number and the hash of its document. A number comes again after a
    rejection, so the hash tells which document is meant.
    """
    campaign = Campaign.objects.select_related("version").get(pk=subject_id)
    wanted = payload.get("document_hash")
    if wanted is not None and canonical_hash(campaign.draft) != wanted:
        version = campaign.versions.filter(number=payload["number"]).first()
        if version is None or canonical_hash(version.document) != wanted:
            return None, None
        return version_before(version), version.document
    version = campaign.version
    if version is not None and version.number == payload.get("number"):
        return version_before(version), version.document
    return (version.document if version else None), campaign.draft


def version_before(version: Version) -> Mapping[str, Any] | None:
    """Return the document that a version followed on; None for the first."""
    earlier = version.campaign.versions.filter(number__lt=version.number).order_by("-number")
    document: Mapping[str, Any] | None = earlier.values_list("document", flat=True).first()
    return document


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
    return value if isinstance(value, str) else canonical_json(value).decode()
