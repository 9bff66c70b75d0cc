"""Write the rows of an approved version, and read them back as the section."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.definition.model import CampaignSpec
from campaigns.definition.plain import spec_plain
from campaigns.definition.registry import Problem
from campaigns.models import Campaign, Version
from core.canonical import to_plain
from core.models import Client
from vouchers.definition.allocations import batch_allocations
from vouchers.definition.channels import channel_ids
from vouchers.definition.model import BatchSpec, ReleaseSpec
from vouchers.definition.normal import funder_order
from vouchers.definition.packs import pack_parts
from vouchers.locks import batches_lock
from vouchers.models import Batch, BatchVersion, Limit, QuotaRelease
from vouchers.rules.caps import cap_rows
from vouchers.rules.limits import SIDES, limit_rows
from vouchers.rules.model import benefit_kind, rules_read
from vouchers.services.caps import caps_recount
from vouchers.states import ReleaseState


def batches_change_problems(
    spec: CampaignSpec, batches: list[BatchSpec], campaign: Campaign
) -> Iterator[Problem]:
    """Find what cannot follow on the rows there are: frozen money, waves that took place."""
    named = {batch.code: (index, batch) for index, batch in enumerate(batches)}
    rows = (
        Batch.objects.filter(campaign=campaign)
        .prefetch_related("releases")
        .select_related("version")
        .order_by("pk")
    )
    codes = dict(campaign.fundings.values_list("funder_id", "funder__code"))
    clients = channel_ids(batches)
    yield from _side_problems(campaign, batches)
    for row in rows:
        if row.code not in named:
            yield Problem("batches", _("已批准的批次不能删除：%(code)s") % {"code": row.code})
            continue
        index, batch = named[row.code]
        path = f"batches[{index}]"
        if row.released and (
            row.face_fen != batch.face_fen
            or [codes[funder_id] for funder_id in row.funder_ids] != funder_order(spec, batch)
            or row.weights != [batch.funders[code] for code in funder_order(spec, batch)]
        ):
            yield Problem(path, _("首次投放后面额与出资比例不得变更"))
        if row.released and row.kind == Batch.Kind.PACK:
            made_of = set(row.parts.values_list("code", "pack_quantity"))
            if made_of != {(part.batch, part.quantity) for part in pack_parts(batch)}:
                yield Problem(f"{path}.rules.benefit.parts", _("首次投放后券包内容不得变更"))
        if row.released:
            yield from _frozen_groups(row, batch, f"{path}.rules")
        if batch.units + row.returned_units < row.released:
            yield Problem(f"{path}.units", _("计划张数不得低于已投放张数"))
        yield from _wave_problems(row, batch, clients, path)


def batches_past_problems(
    spec: CampaignSpec, batches: list[BatchSpec], campaign: Campaign, now: datetime
) -> Iterator[Problem]:
    """Find what is over by ``now``: waves that nobody could claim from, windows of use.

    What an approved version has already may be over.
    """
    known = set(
        QuotaRelease.objects.filter(batch__campaign=campaign).values_list("batch__code", "slot")
    )
    codes = set(Batch.objects.filter(campaign=campaign).values_list("code", flat=True))
    for index, batch in enumerate(batches):
        path = f"batches[{index}]"
        for place, release in enumerate(batch.releases):
            over = (release.closes_at or spec.ends_at) <= now
            if over and (batch.code, release.slot) not in known:
                yield Problem(f"{path}.releases[{place}]", _("领取截止已过，不会有人领到"))
        until = batch.rules.validity.fixed_until
        if until is not None and until <= now and batch.code not in codes:
            yield Problem(f"{path}.rules.validity.fixed_until", _("固定有效期已过"))


def _side_problems(campaign: Campaign, batches: list[BatchSpec]) -> Iterator[Problem]:
    """A code counts claims or uses, and goes on to do so: rows of the other side do not exist."""
    sides = dict(Limit.objects.filter(campaign=campaign).values_list("code", "side"))
    for index, batch in enumerate(batches):
        for side in SIDES:
            for limit in limit_rows(batch.code, batch.rules, side):
                if sides.get(limit.code, side) != side:
                    yield Problem(
                        f"batches[{index}].rules.limits",
                        _("限制代码的环节不得变更：%(code)s") % {"code": limit.code},
                    )


def _frozen_groups(row: Batch, batch: BatchSpec, path: str) -> Iterator[Problem]:
    """What was claimed under another group, or before a conflict, was not counted for it."""
    frozen = rules_read(row.version.rules) if row.version else None
    if frozen is None:
        return
    if frozen.issuing != batch.rules.issuing:
        yield Problem(f"{path}.issuing", _("首次投放后发放方式不得变更"))
    if frozen.group != batch.rules.group:
        yield Problem(f"{path}.group", _("首次投放后所属组不得变更"))
    if set(frozen.conflicts) != set(batch.rules.conflicts):
        yield Problem(f"{path}.conflicts", _("首次投放后不可同享的组不得变更"))


def _wave_problems(
    row: Batch, batch: BatchSpec, clients: Mapping[str, UUID], path: str
) -> Iterator[Problem]:
    planned = {release.slot: _plan(release, clients) for release in batch.releases}
    for release in row.releases.all():
        if release.state == ReleaseState.PLANNED:
            continue
        if release.is_dropped:
            if release.slot in planned:
                reason = _("该时点的投放已由先前的版本取消，请改用其他时点：%(slot)s")
                yield Problem(f"{path}.releases", reason % {"slot": to_plain(release.slot)})
            continue
        plan = planned.get(release.slot, {})
        if not plan or any(getattr(release, name) != value for name, value in plan.items()):
            slot = {"slot": to_plain(release.slot)}
            yield Problem(f"{path}.releases", _("已执行的投放不得变更：%(slot)s") % slot)


def _plan(release: ReleaseSpec, clients: Mapping[str, UUID]) -> dict[str, Any]:
    """Return the columns of a wave that never change once it has opened."""
    return {
        "planned_units": release.units,
        "channel_ids": [clients[share.client] for share in release.channels],
        "channel_units": [share.units for share in release.channels],
        "fall_back_at": release.fall_back_at,
    }


def batches_apply(
    spec: CampaignSpec,
    batches: list[BatchSpec],
    version: Version,
    funder_ids: Mapping[str, UUID],
    now: datetime,
) -> dict[str, UUID]:
    """Write batches, frozen rules, limits and planned releases; returns batch code → batch id."""
    campaign = version.campaign
    modes = {funder.code: funder.mode for funder in spec.funders}
    clients = channel_ids(batches)
    rows = {row.code: row for row in batches_lock(campaign_id=campaign.pk)}
    inside = {part.batch for batch in batches for part in pack_parts(batch)}
    for position, batch in enumerate(batches):
        codes = funder_order(spec, batch)
        row = rows.setdefault(batch.code, Batch(campaign=campaign, code=batch.code))
        row.name, row.kind, row.position = batch.name, benefit_kind(batch.rules), position
        row.owner_region = campaign.owner_region
        row.face_fen, row.planned_units = batch.face_fen, batch.units
        row.funder_ids = [funder_ids[code] for code in codes]
        row.weights = [batch.funders[code] for code in codes]
        row.concessions = [modes[code] == "MERCHANT_CONCESSION" for code in codes]
        if batch.code not in inside:
            row.pack, row.pack_quantity = None, 1
        row.save()
        row.version = BatchVersion.objects.create(
            batch=row, version=version, rules=spec_plain(batch.rules)
        )
        row.save(update_fields=["version"])
        _limits(campaign, batch)
        _releases(row, batch, clients)
    _packs(rows, batches)
    caps_recount(
        campaign_id=campaign.pk, rules={batch.code: batch.rules for batch in batches}, now=now
    )
    return {batch.code: rows[batch.code].pk for batch in batches}


def _packs(rows: Mapping[str, Batch], batches: list[BatchSpec]) -> None:
    """Tell the parts of packs whose they are."""
    for batch in batches:
        for part in pack_parts(batch):
            row = rows[part.batch]
            row.pack, row.pack_quantity = rows[batch.code], part.quantity
            row.save(update_fields=["pack", "pack_quantity"])


def _limits(campaign: Campaign, batch: BatchSpec) -> None:
    Limit.objects.bulk_create(
        [
            Limit(campaign=campaign, code=row.code, side=side)
            for side in SIDES
            for row in limit_rows(batch.code, batch.rules, side)
        ]
        + [
            Limit(campaign=campaign, code=row.code, side=Limit.Side.CAP)
            for row in cap_rows(batch.code, batch.rules)
        ],
        ignore_conflicts=True,
    )


def _releases(row: Batch, batch: BatchSpec, clients: Mapping[str, UUID]) -> None:
    """Make the planned waves what the version says; waves that took place stay as they are."""
    known = {
        release.slot: release
        for release in row.releases.select_for_update(no_key=True).order_by("pk")
    }
    wanted = {release.slot: release for release in batch.releases}
    for slot, release in known.items():
        if release.state == ReleaseState.PLANNED and slot not in wanted:
            release.state = ReleaseState.CANCELLED
            release.save(update_fields=["state"])
    for slot, spec in wanted.items():
        found = known.get(slot)
        columns = {"closes_at": spec.closes_at, **_plan(spec, clients)}
        if found is None:
            QuotaRelease.objects.create(
                batch=row, slot=slot, owner_region=row.owner_region, **columns
            )
        elif found.state in (ReleaseState.PLANNED, ReleaseState.OPEN):
            for name, value in columns.items():
                setattr(found, name, value)
            found.save(update_fields=list(columns))


def batches_export(campaign: Campaign) -> list[dict[str, Any]]:
    """Read the section back from the rows in force, in its canonical form."""
    codes = dict(campaign.fundings.values_list("funder_id", "funder__code"))
    allocations = batch_allocations(campaign_id=campaign.pk)
    rows = (
        Batch.objects.filter(campaign=campaign)
        .select_related("version")
        .prefetch_related("releases")
        .order_by("position", "pk")
    )
    named = {pk for row in rows for release in row.releases.all() for pk in release.channel_ids}
    clients = dict(Client.objects.filter(pk__in=named).values_list("pk", "code")) if named else {}
    exported: Any = to_plain([_exported(row, codes, allocations, clients) for row in rows])
    return list(exported)


def _exported(
    row: Batch,
    codes: Mapping[UUID, str],
    allocations: Mapping[tuple[UUID, UUID], int],
    clients: Mapping[UUID, str],
) -> dict[str, Any]:
    funders = [codes[funder_id] for funder_id in row.funder_ids]
    return {
        "code": row.code,
        "name": row.name,
        "face_fen": row.face_fen,
        "units": row.planned_units,
        "funders": dict(zip(funders, row.weights, strict=True)),
        "rules": row.version.rules if row.version else {},
        "budget": {
            codes[funder_id]: allocations.get((row.pk, funder_id), 0)
            for funder_id in row.funder_ids
        },
        "releases": [
            {
                "slot": release.slot,
                "units": release.planned_units,
                "closes_at": release.closes_at,
                "channels": [
                    {"client": clients[pk], "units": units}
                    for pk, units in zip(release.channel_ids, release.channel_units, strict=True)
                ],
                "fall_back_at": release.fall_back_at,
            }
            for release in sorted(row.releases.all(), key=lambda one: one.slot)
            if not release.is_dropped
        ],
        "calendar": None,
    }
