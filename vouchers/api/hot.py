"""The hot operations of this room: registering at a wave, and claiming, for every way in."""

from core import clock, pii
from core.api.hot import Asked, HotRoute
from vouchers.api.serializers.claims import ClaimSerializer, claim_document
from vouchers.api.serializers.persons import (
    PersonSerializer,
    external_id_check,
    person_document,
    person_tokens,
)
from vouchers.identity import identity_token
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claim_facts import ClaimFact
from vouchers.services.claim_requests import claims_request
from vouchers.services.persons import PersonCommand, PersonOutcome, persons_register


def _person_command(asked: Asked) -> PersonCommand:
    return PersonCommand(
        client_id=asked.client.id,
        external_id=asked.path["external_id"],
        owner_region=asked.client.owner_region,
        level=asked.data.get("level"),
        tokens=person_tokens(asked.data),
    )


def _claim_command(asked: Asked) -> ClaimCommand:
    device = asked.data.get("device")
    location = asked.data.get("location")
    return ClaimCommand(
        **asked.keyed(),
        client_region=asked.client.owner_region,
        enrolment_id=asked.data["person_id"],
        batch_id=asked.data["batch_id"],
        device=None if device is None else identity_token(pii.DEVICE, device),
        region_code=None if location is None else location["region_code"],
    )


PERSON: HotRoute[PersonCommand, PersonOutcome, PersonOutcome] = HotRoute(
    name="persons",
    operation="persons.register",
    method="PUT",
    path="persons/(?P<external_id>[^/]+)",
    serializer=PersonSerializer,
    status=lambda person: 201 if person.created else 200,
    person=lambda _, path: external_id_check(path["external_id"]),
    command=_person_command,
    decide=lambda commands: persons_register(commands=commands, now=clock.now()),
    fact=lambda outcome: None if outcome.refusals else outcome,
    document=person_document,
    keyed=False,
)
CLAIM: HotRoute[ClaimCommand, ClaimOutcome, ClaimFact] = HotRoute(
    name="claims",
    operation="claims.create",
    path="claims",
    serializer=ClaimSerializer,
    status=lambda _: 201,
    person=lambda data, _: data["person_id"],
    command=_claim_command,
    decide=lambda commands: claims_request(commands=commands),
    fact=lambda outcome: outcome.claim,
    document=claim_document,
)
