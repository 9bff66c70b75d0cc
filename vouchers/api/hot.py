"""The hot operation of this room: POST /claims, for every way in."""

from core import pii
from core.api.hot import Asked, HotRoute
from vouchers.api.serializers.claims import ClaimSerializer, claim_document
from vouchers.identity import identity_token
from vouchers.services.claim_requests import claims_request
from vouchers.services.claims import ClaimCommand, ClaimFact, ClaimOutcome


def _command(asked: Asked) -> ClaimCommand:
    device = asked.data.get("device")
    return ClaimCommand(
        **asked.keyed(),
        client_region=asked.client.owner_region,
        enrolment_id=asked.data["person_id"],
        batch_id=asked.data["batch_id"],
        device=None if device is None else identity_token(pii.DEVICE, device),
        region_code=asked.data.get("location", {}).get("region_code"),
    )


CLAIM: HotRoute[ClaimCommand, ClaimOutcome, ClaimFact] = HotRoute(
    name="claims",
    operation="claims.create",
    path="claims",
    serializer=ClaimSerializer,
    status=201,
    person=lambda data, _: data["person_id"],
    command=_command,
    decide=lambda commands: claims_request(commands=commands),
    fact=lambda outcome: outcome.claim,
    document=claim_document,
)
