"""Instant discounts (立减): taken off at the payment without any claim by the customer.

They are vouchers like any other, issued by the claim service in the moment a till asks for the
payment, under the limits, caps, waves and money of their batch, and held by it at once. Should the
payment not come about, the voucher stays its holder's until its own end.
"""

import hashlib
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from core.errors import Refusal
from redemption.rules.facts import VoucherFacts
from redemption.services.choosing import Candidate, Considered, consider
from redemption.services.facts import Key, known_steps
from redemption.services.requests import HoldCommand
from redemption.states import StepKind
from vouchers.models import Batch, Enrolment
from vouchers.offers import offers_of
from vouchers.services.claim_commands import ClaimCommand
from vouchers.services.claims import vouchers_claim


def considered_with_instants(commands: Sequence[HoldCommand]) -> list[Considered]:
    """Look at payments as `consider` does; where an instant discount is the best, issue it first.

    What it is refused with is told where no voucher can be used instead.
    """
    everything = consider([command.payment for command in commands])
    wanted = {
        index: one.best
        for index, one in enumerate(everything)
        if one.best is not None and one.best.offered and not (one.refusals or one.best.refusals)
    }
    if not wanted:
        return everything
    refused = _issue(
        {commands[index].key: (commands[index], best) for index, best in wanted.items()}
    )
    again = consider([commands[index].payment for index in wanted], instants=False)
    for index, one in zip(wanted, again, strict=True):
        reasons = refused.get(commands[index].key, ())
        usable = any(not candidate.refusals for candidate in one.candidates)
        everything[index] = one if usable or not reasons else replace(one, refusals=reasons)
    return everything


def _issue(
    wanted: Mapping[Key, tuple[HoldCommand, Candidate]],
) -> dict[Key, tuple[Refusal, ...]]:
    """Issue what payments need; returns why it cannot be had. A repeated hold gets nothing new."""
    known = known_steps(StepKind.HOLD, list(wanted))
    due = {key: one for key, one in wanted.items() if key not in known}
    people = Enrolment.objects.select_related("client").in_bulk(
        [candidate.voucher.enrolment_id for _command, candidate in due.values()]
    )
    outcomes = vouchers_claim(
        commands=[
            _claim(command, candidate.voucher, people[candidate.voucher.enrolment_id])
            for command, candidate in due.values()
        ]
    )
    return {
        key: outcome.refusals
        for key, outcome in zip(due, outcomes, strict=True)
        if outcome.claim is None
    }


def _claim(command: HoldCommand, voucher: VoucherFacts, person: Enrolment) -> ClaimCommand:
    client_id, key = command.key
    digest = hashlib.sha256(f"{client_id}:{key}:{voucher.batch_id}".encode()).hexdigest()
    return ClaimCommand(
        client_id=person.client_id,
        idempotency_key=f"instant-{digest[:48]}",
        fingerprint=digest,
        enrolment_id=person.pk,
        batch_id=voucher.batch_id,
        at=command.payment.at,
        client_region=person.client.owner_region,
        region_code=command.payment.region_code,
        device=command.payment.device,
        issuing="PAYMENT",
    )


def instants_previewed(considered: Considered) -> Considered:
    """Add to instant discounts what a claim would be refused with now; a quote is no promise."""
    offered = [one for one in considered.candidates if one.offered and not one.refusals]
    if not offered:
        return considered
    person = Enrolment.objects.get(pk=offered[0].voucher.enrolment_id)
    batches = list(
        Batch.objects.select_related("campaign", "version").filter(
            pk__in=[one.voucher.batch_id for one in offered]
        )
    )
    offers = offers_of(
        batches, client_id=person.client_id, person=person, now=considered.request.at
    )
    against = {one.batch.pk: one.refusals or () for one in offers}
    return replace(
        considered,
        candidates=tuple(
            replace(one, passing=(*one.passing, *against.get(one.voucher.batch_id, ())))
            if one.offered
            else one
            for one in considered.candidates
        ),
    )
