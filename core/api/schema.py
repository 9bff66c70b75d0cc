"""The OpenAPI 3.1 document: how requests are signed, keyed, and refused."""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from core.access import signing
from core.api.serializers import ProblemSerializer
from core.api.views import ApiView
from core.errors.problem import CONTENT_TYPE

KEY_PARAMETER = OpenApiParameter(
    signing.IDEMPOTENCY_HEADER,
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="请求流水号：发送前由接入方生成并保存，重试时原样重发。",
)


class ApiSchema(AutoSchema):
    """Adds the idempotency key where it is needed and the problem document everywhere."""

    def get_override_parameters(self) -> list[Any]:
        """Return the header parameters of the operation."""
        parameters = list(super().get_override_parameters())
        if isinstance(self.view, ApiView) and type(self.view).needs_key(self.method):
            parameters.append(KEY_PARAMETER)
        return parameters

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if isinstance(self.view, ApiView) and direction == "response":
            problem = self.resolve_serializer(ProblemSerializer, "response").ref
            bodies.setdefault(
                "default",
                {
                    "description": "错误（错误码见接口文档）",
                    "content": {CONTENT_TYPE: {"schema": problem}},
                },
            )
        return bodies


class SignatureScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The signature headers, each as an API key of its own, all needed together."""

    target_class = "core.access.authentication.SignatureAuthentication"
    name = ["ClientId", "KeyId", "Algorithm", "Timestamp", "Nonce", "Signature"]
    headers = (
        (signing.CLIENT_HEADER, "接入方代码"),
        (signing.KEY_HEADER, "密钥编号"),
        (signing.ALGORITHM_HEADER, "HMAC-SHA256 或 HMAC-SM3，按密钥固定"),
        (signing.TIMESTAMP_HEADER, "Unix 秒，与服务器相差不超过 300 秒"),
        (signing.NONCE_HEADER, "随机数，8–64 位 [A-Za-z0-9_-]"),
        (signing.SIGNATURE_HEADER, "签名串 HMAC 的 base64；签名串各行以 LF 结尾"),
    )

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """Return one definition per header."""
        del auto_schema
        return [
            {"type": "apiKey", "in": "header", "name": name, "description": text}
            for name, text in self.headers
        ]

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        """Ask for all of them in one requirement."""
        del auto_schema
        return {name: [] for name in self.name}


class StrictSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A strict serializer allows no further members in a request."""

    target_class = "core.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Add ``additionalProperties: false`` to the usual mapping."""
        schema: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        if direction == "request" and "properties" in schema:
            schema["additionalProperties"] = False
        return schema


class StrictIntegerExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Bounds of a strict integer."""

    target_class = "core.api.fields.StrictIntegerField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Return type, format and bounds."""
        del auto_schema, direction
        return {
            "type": "integer",
            "format": "int64",
            "minimum": self.target.min_value,
            "maximum": self.target.max_value,
        }


class StrictCharExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Length and pattern of a strict text."""

    target_class = "core.api.fields.StrictCharField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Return type, lengths and pattern."""
        del auto_schema, direction
        schema: dict[str, Any] = {"type": "string", "maxLength": self.target.max_length}
        if not self.target.allow_blank:
            schema["minLength"] = 1
        if self.target.pattern:
            schema["pattern"] = f"^{self.target.pattern}$"
        return schema
