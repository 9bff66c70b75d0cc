"""PUT /persons/{external_id}."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.access.throttling import person_rate_check
from core.api.views import ApiView
from core.errors import RefusedError
from vouchers.api.serializers.persons import (
    PersonAnswerSerializer,
    PersonSerializer,
    external_id_check,
    person_tokens,
)
from vouchers.services.persons import PersonCommand, persons_register


class PersonView(ApiView):
    """An account of the calling channel."""

    operations = {"PUT": "persons.register"}

    @extend_schema(
        operation_id="persons_register",
        summary="登记或更新渠道用户",
        parameters=[
            OpenApiParameter(
                "external_id",
                {"type": "string", "pattern": "^[A-Za-z0-9._~@:+-]{1,64}$"},
                OpenApiParameter.PATH,
                description="渠道用户号，不得为手机号或证件号码",
            )
        ],
        request=PersonSerializer,
        responses={200: PersonAnswerSerializer, 201: PersonAnswerSerializer},
        tags=["persons"],
    )
    def put(self, request: Request, external_id: str) -> Response:
        """Register the account or refresh what it carries; 201 if it is new."""
        del request
        external_id_check(external_id)
        person_rate_check(self.client, external_id)
        data = self.body(PersonSerializer)
        (outcome,) = persons_register(
            commands=[
                PersonCommand(
                    client_id=self.client.id,
                    external_id=external_id,
                    owner_region=self.client.owner_region,
                    level=data.get("level"),
                    tokens=person_tokens(data),
                )
            ],
            now=self.now,
        )
        if outcome.refusals:
            raise RefusedError(outcome.refusals)
        answer = PersonAnswerSerializer(
            {
                "person_id": outcome.person_id,
                "external_id": external_id,
                "level": outcome.level,
            }
        )
        return self.answer(answer.data, status=201 if outcome.created else 200)
