"""Django REST framework and the OpenAPI document."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.access.authentication.SignatureAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["core.json_media.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.json_media.OrjsonParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "core.errors.handler.problem_handler",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "消费券平台开放接口",
    "DESCRIPTION": "Channel and terminal API of the consumption-voucher platform.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.api.codes_page.codes_append",
    ],
    # Choices that share a field name keep names that generated clients can rely on.
    "ENUM_NAME_OVERRIDES": {
        "BatchKindEnum": "vouchers.models.batches.Batch.Kind",
        "CampaignStateEnum": "campaigns.models.CampaignState",
        "EnrolmentLevelEnum": "vouchers.models.persons.Enrolment.Level",
        "RewardStateEnum": "redemption.models.Reward.State",
        "TransactionKindEnum": "merchants.models.Transaction.Kind",
        "VoucherStateEnum": "vouchers.states.VoucherState",
    },
    # Served from our own origin: the page works without internet.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
