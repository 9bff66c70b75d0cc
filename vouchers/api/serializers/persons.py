"""PUT /persons: what a channel states about an account."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from rest_framework import serializers

from core import pii
from core.api.fields import PublicIdField, StrictCharField
from core.api.serializers import StrictSerializer
from core.errors import InvalidParam, InvalidParametersError
from core.ids import to_public
from vouchers.api.prefixes import PERSON
from vouchers.identity import IdentityToken, identity_token
from vouchers.models import Enrolment
from vouchers.services.persons import PersonOutcome

EXTERNAL_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9._~@:+-]{1,64}", re.ASCII)
RAW_LENGTH: Final = 128
MAX_TOKENS: Final = 20


class DocumentSerializer(StrictSerializer):
    """A verified document."""

    type = serializers.ChoiceField(
        choices=list(pii.DOCUMENT_TYPES.items()), default=pii.RESIDENT_ID, help_text="证件类型"
    )
    number = StrictCharField(max_length=40, help_text="证件号码，平台只保存带密钥的摘要")


class PersonSerializer(StrictSerializer):
    """An account. A kind that is named replaces what was registered of that kind."""

    document = DocumentSerializer(required=False, help_text="已核验的证件；登记后不可更换")
    mobile = StrictCharField(
        max_length=20, required=False, allow_null=True, help_text="手机号；null 表示号码已释放"
    )
    devices = serializers.ListField(
        child=StrictCharField(max_length=RAW_LENGTH),
        required=False,
        max_length=MAX_TOKENS,
        help_text="设备标识，8–128 位可见 ASCII 字符",
    )
    cards = serializers.ListField(
        child=StrictCharField(max_length=64),
        required=False,
        max_length=MAX_TOKENS,
        help_text="银行卡令牌，8–64 位字母、数字、下划线或连字符",
    )
    level = serializers.ChoiceField(
        choices=Enrolment.Level.choices, required=False, help_text="实名等级"
    )


class PersonAnswerSerializer(serializers.Serializer[Any]):
    """The account as registered."""

    person_id = PublicIdField(PERSON, help_text="本渠道内的用户编号，各渠道不同")
    external_id = serializers.CharField()
    level = serializers.ChoiceField(choices=Enrolment.Level.choices)


def person_document(person: PersonOutcome) -> dict[str, Any]:
    """Return an account as `PersonAnswerSerializer` shows it."""
    return {
        "person_id": None if person.person_id is None else to_public(PERSON, person.person_id),
        "external_id": person.external_id,
        "level": person.level,
    }


def external_id_check(text: str) -> str:
    """Return the channel's account number of the path.

    A mobile or resident id as account number would be a raw number in every log: refused.

    Raises:
        InvalidParametersError: not 1–64 of the allowed characters, or a personal number.
    """
    if not EXTERNAL_ID_PATTERN.fullmatch(text):
        raise InvalidParametersError.one("external_id", _("须为 1–64 位字母、数字或 ._~@:+-"))
    for kind in (pii.MOBILE, pii.DOCUMENT):
        try:
            pii.pii_normalise(kind, text)
        except InvalidParametersError:
            continue
        raise InvalidParametersError.one("external_id", _("不得以手机号或证件号码作为渠道用户号"))
    return text


def person_tokens(data: Mapping[str, Any]) -> dict[str, tuple[IdentityToken, ...]]:
    """Turn the raw numbers of a checked body into tokens, per kind that is named.

    Raises:
        InvalidParametersError: names every number that is not valid; repeats none of them.
    """
    named: dict[str, list[IdentityToken]] = {}
    wrong: list[InvalidParam] = []
    for kind, name, raw, document_type in _raw_numbers(data):
        tokens = named.setdefault(kind, [])
        if raw is None:
            continue
        try:
            tokens.append(identity_token(kind, raw, document_type=document_type))
        except InvalidParametersError as error:
            wrong += [InvalidParam(name, param.reason) for param in error.invalid_params]
    if wrong:
        raise InvalidParametersError(invalid_params=wrong)
    return {kind: tuple(dict.fromkeys(tokens)) for kind, tokens in named.items()}


def _raw_numbers(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None, str]]:
    """Yield kind, dotted name, raw number (None: nothing of this kind) and document type."""
    if "document" in data:
        document = data["document"]
        yield pii.DOCUMENT, "document.number", document["number"], document["type"]
    if "mobile" in data:
        yield pii.MOBILE, "mobile", data["mobile"], pii.RESIDENT_ID
    for kind, name in ((pii.DEVICE, "devices"), (pii.CARD, "cards")):
        if name in data:
            if not data[name]:
                yield kind, name, None, pii.RESIDENT_ID
            for place, raw in enumerate(data[name]):
                yield kind, f"{name}.{place}", raw, pii.RESIDENT_ID
