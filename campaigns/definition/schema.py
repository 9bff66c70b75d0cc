"""The JSON Schema of the campaign document, and validation against it with paths in words."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from inspect import cleandoc
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from campaigns.definition.model import CampaignSpec
from campaigns.definition.moments import OutOfRangeError, range_assert, range_words
from campaigns.definition.registry import Problem, sections

SCHEMA_ID = "urn:xfq:schema:campaign:1"
_SIGNS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    moment = datetime.fromisoformat(value)
    if moment.utcoffset() is None:
        return False
    range_assert(moment)
    return True


@_formats.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    day = date.fromisoformat(value)
    range_assert(day)
    return str(day) == value


def document_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the whole document with every registered section."""
    known = sections()
    schemas, components = msgspec.json.schema_components(
        [CampaignSpec, *(section.spec_type for section in known)],
        ref_template="#/$defs/{name}",
    )
    # Through JSON, so that defaults that are tuples are spelled as a file spells them.
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(components))
    for component in plain.values():
        if "description" in component:  # a docstring, which Python indents up to 3.12
            component["description"] = cleandoc(component["description"])
    root = plain.pop("CampaignSpec")
    for section, schema in zip(known, schemas[1:], strict=True):
        root["properties"][section.name] = schema
        root["required"].append(section.name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **root,
        "$defs": plain,
    }


def schema_problems(plain: object) -> list[Problem]:
    """Return everything in which a document differs from the schema, in document order."""
    validator = Draft202012Validator(document_schema(), format_checker=_formats)
    errors = sorted(validator.iter_errors(plain), key=lambda error: [str(x) for x in error.path])
    return [problem for error in errors for problem in _problems(error)]


def path_text(parts: list[str | int]) -> str:
    """Write a path: ``["batches", 2, "funders", "bank"]`` → ``batches[2].funders.bank``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "$"


def _problems(error: ValidationError) -> Iterator[Problem]:
    path = list(error.absolute_path)
    rule: Any = error.validator_value
    of_one_kind = list(_of_its_kind(error))
    if of_one_kind:
        for one in of_one_kind:
            yield from _problems(one)
    elif error.validator in ("anyOf", "oneOf") and error.context:
        # A field that may be null or empty: say what is wrong with the value as it is meant.
        meant = [one for one in error.context if one.validator_value not in ("null", [""])]
        yield from _problems(meant[0] if meant else error.context[0])
    elif error.validator == "additionalProperties":
        schema: Any = error.schema
        instance: Any = error.instance
        for name in sorted(set(instance) - set(schema.get("properties", ()))):
            yield Problem(path_text([*path, name]), _("没有这个字段"))
    elif error.validator == "required":
        instance = error.instance
        for name in rule:
            # One error per missing name: the message names it.
            if name not in instance and f"'{name}'" in error.message:
                yield Problem(path_text([*path, name]), _("缺少必填字段"))
    else:
        yield Problem(path_text(path), _reason(error))


def _of_its_kind(error: ValidationError) -> Iterator[ValidationError]:
    """Yield what is wrong with a value that says by its tag which of several kinds it is."""
    schema: Any = error.schema
    tag = schema.get("discriminator", {}).get("propertyName")
    instance: Any = error.instance
    if tag is None or not isinstance(instance, dict) or tag not in instance:
        return
    of_kind: dict[Any, list[ValidationError]] = defaultdict(list)
    for one in error.context or ():
        of_kind[one.relative_schema_path[0]].append(one)
    for wrong in of_kind.values():
        if not any(list(one.relative_path) == [tag] for one in wrong):
            yield from wrong


def _reason(error: ValidationError) -> str:
    value: Any = error.validator_value
    match error.validator:
        case "type":
            template, values = _("类型应为%(expected)s"), {"expected": _type_name(value)}
        case "enum" | "const":
            allowed = value if isinstance(value, list) else [value]
            template, values = _("只能是：%(allowed)s"), {"allowed": "、".join(map(str, allowed))}
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            template, values = _("应%(sign)s %(limit)s"), {"sign": _SIGNS[error.validator]}
        case "minLength" | "minItems" | "minProperties":
            template, values = _("不能少于 %(limit)s 项或字"), {}
        case "maxLength" | "maxItems" | "maxProperties":
            template, values = _("不能多于 %(limit)s 项或字"), {}
        case "pattern":
            template, values = _("格式不符：%(limit)s"), {}
        case "format" if isinstance(error.cause, OutOfRangeError):
            template, values = range_words(), {}
        case "format" if value == "date":
            template, values = _("应为日期，如 2026-03-06"), {}
        case "format":
            template, values = _("应为带时区的时间，如 2026-03-06T08:00:00+08:00"), {}
        case _:
            template, values = _("不符合要求：%(rule)s"), {"rule": str(error.validator)}
    return template % {"limit": value, **values}


def _type_name(value: object) -> str:
    names = {
        "string": _("文本（加引号）"),
        "integer": _("整数"),
        "boolean": _("true 或 false"),
        "array": _("列表"),
        "object": _("对象"),
        "null": _("空"),
    }
    types = value if isinstance(value, list) else [value]
    return _("或").join(str(names.get(str(one), one)) for one in types)
