"""Claims as channels ask for them: who asks, with which device, in words the person may read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from core.access.region_codes import regions_overlap
from core.errors import Refusal
from vouchers.identity import IdentityToken
from vouchers.models import Batch, Enrolment
from vouchers.rules.refusals import person_limit, same_person_other_account
from vouchers.selectors import KeyRef, identity_keys_of
from vouchers.services.claims import NOT_FOUND, ClaimCommand, ClaimOutcome, vouchers_claim
from vouchers.services.identity_keys import identity_keys_ensure

LIMIT_CODES = frozenset({"claim.person_limit", "claim.same_person_other_account"})
_COUNTED = ("DOCUMENT", "MOBILE", "DEVICE", "CARD", "ACCOUNT")


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """One claim of a channel for one of its accounts; ``at`` is business time at receipt.

    ``device`` is the device the request was made on: it counts like a registered one.
    ``region_code`` is where the channel located the person.
    """

    client_id: UUID
    client_region: str
    idempotency_key: str
    fingerprint: str
    person_id: UUID
    batch_id: UUID
    at: datetime
    device: IdentityToken | None = None
    region_code: str | None = None


def claims_request(*, requests: Sequence[ClaimRequest]) -> list[ClaimOutcome]:
    """Decide claims of channels; outcomes in the order of the requests.

    Accounts of another client and batches a client may not know of are ``access.not_found``.
    """
    known = _known(requests)
    devices = identity_keys_ensure(
        tokens={request.device for request in known.values() if request.device}
    )
    decided = vouchers_claim(commands=[_command(request, devices) for request in known.values()])
    found = dict(zip(known, decided, strict=True))
    outcomes = [
        found.get(index, ClaimOutcome("REFUSED", refusals=NOT_FOUND))
        for index in range(len(requests))
    ]
    return _readable(requests, outcomes)


def _known(requests: Sequence[ClaimRequest]) -> dict[int, ClaimRequest]:
    people = dict(
        Enrolment.objects.filter(pk__in={request.person_id for request in requests}).values_list(
            "pk", "client_id"
        )
    )
    regions = dict(
        Batch.objects.filter(pk__in={request.batch_id for request in requests})
        .order_by("pk")
        .values_list("pk", "campaign__regions")
    )
    return {
        index: request
        for index, request in enumerate(requests)
        if people.get(request.person_id) == request.client_id
        and any(
            regions_overlap(region, request.client_region)
            for region in regions.get(request.batch_id, ())
        )
    }


def _command(request: ClaimRequest, devices: Mapping[IdentityToken, int]) -> ClaimCommand:
    device = request.device
    return ClaimCommand(
        client_id=request.client_id,
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        enrolment_id=request.person_id,
        batch_id=request.batch_id,
        at=request.at,
        region_code=request.region_code,
        request_keys=(KeyRef(devices[device], device.kind, device.masked),) if device else (),
    )


def _readable(
    requests: Sequence[ClaimRequest], outcomes: Sequence[ClaimOutcome]
) -> list[ClaimOutcome]:
    """Put limit refusals into what the person may read; asks for his keys only if one is there."""
    limited = {
        index
        for index, outcome in enumerate(outcomes)
        if any(refusal.code in LIMIT_CODES for refusal in outcome.refusals)
    }
    if not limited:
        return list(outcomes)
    carried = identity_keys_of({requests[index].person_id for index in limited}, _COUNTED)
    return [
        replace(outcome, refusals=_spelt(outcome.refusals, requests[index], carried))
        if index in limited
        else outcome
        for index, outcome in enumerate(outcomes)
    ]


def _spelt(
    refusals: Sequence[Refusal],
    request: ClaimRequest,
    carried: Mapping[UUID, Sequence[KeyRef]],
) -> tuple[Refusal, ...]:
    masks: dict[str, list[str]] = defaultdict(list)
    for key in carried[request.person_id]:
        masks[key.kind].append(key.masked)
    if request.device and request.device.masked not in masks["DEVICE"]:
        masks["DEVICE"].append(request.device.masked)
    spelt = []
    for refusal in refusals:
        data = refusal.data
        if refusal.code == "claim.person_limit":
            spelt.append(person_limit(window=data["window"], limit=data["cap"], used=data["used"]))
        elif refusal.code == "claim.same_person_other_account":
            kind = data["kind"]
            spelt.append(
                same_person_other_account(
                    window=data["window"],
                    limit=data["cap"],
                    kind=kind,
                    masked="、".join(masks[kind]),
                )
            )
        else:
            spelt.append(refusal)
    # Two devices of one person say the same in words.
    return tuple(one for place, one in enumerate(spelt) if one not in spelt[:place])
