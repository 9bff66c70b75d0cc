"""PUT /persons/{external_id}."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import ApiView
from vouchers.api.hot import PERSON
from vouchers.api.serializers.persons import PersonAnswerSerializer, PersonSerializer


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
        return self.hot(PERSON, external_id=external_id)
