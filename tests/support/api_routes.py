"""Every state-changing route of the API as its own OpenAPI document lists it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import connection
from drf_spectacular.generators import SchemaGenerator

from core.access.signing import IDEMPOTENCY_HEADER
from core.ids import new_id, to_public

ID_PREFIXES = {
    "person_id": "per",
    "batch_id": "bat",
    "claim_id": "clm",
    "voucher_id": "vch",
    "voucher_ids": "vch",
    "redemption_id": "rdm",
}


@dataclass(frozen=True)
class Route:
    """A route with a body.

    ``fields`` maps dotted names to their schemas; ``keyed`` routes need an idempotency key.
    """

    method: str
    path: str
    fields: dict[str, dict[str, Any]] = field(hash=False, default_factory=dict)
    required: tuple[str, ...] = ()
    keyed: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names_object(self) -> bool:
        """Whether the path names an object, which here never exists."""
        return "{" in self.path and self.method == "POST"

    def url(self) -> str:
        """Return the path with ids that are well-formed and name nothing."""
        url = self.path
        for name, prefix in (*ID_PREFIXES.items(), ("external_id", "")):
            value = to_public(prefix, new_id()) if prefix else "user-1"
            url = url.replace(f"{{{name}}}", value)
        return url


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    generator: Any = SchemaGenerator
    made: dict[str, Any] = generator().get_schema(request=None, public=True)
    return made


def routes(*methods: str) -> list[Route]:
    """Return the routes of these methods that take a body."""
    found = []
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            if method.upper() in methods and "requestBody" in operation:
                schema = _resolved(
                    operation["requestBody"]["content"]["application/json"]["schema"]
                )
                fields = dict(_fields(schema, ""))
                keyed = any(
                    one["name"] == IDEMPOTENCY_HEADER for one in operation.get("parameters", ())
                )
                required = tuple(schema.get("required", ()))
                found.append(Route(method.upper(), path, fields, required, keyed))
    return found


def body_of(route: Route) -> dict[str, Any]:
    """Return a body of the right types; what it names does not exist."""
    return {
        name: _value(name, schema)
        for name, schema in route.fields.items()
        if "." not in name and name in route.required
    }


def row_counts() -> dict[str, int]:
    """Return the number of rows of every table of ours."""
    with connection.cursor() as cursor:
        tables = [
            name
            for name in connection.introspection.table_names(cursor)
            if name.split("_")[0] in {"core", "merchants", "campaigns", "vouchers", "redemption"}
        ]
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)
        )
        return dict(cursor.fetchall())


def _fields(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, given in schema.get("properties", {}).items():
        own = _resolved(given)
        yield f"{prefix}{name}", own
        yield from _fields(own, f"{prefix}{name}.")


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Follow references, and take the first of several alternatives."""
    while True:
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            schema = document()["components"]["schemas"][name]
        elif "allOf" in schema or "oneOf" in schema:
            schema = (schema.get("allOf") or schema["oneOf"])[0]
        else:
            return schema


def _value(name: str, schema: dict[str, Any]) -> Any:
    if name in ID_PREFIXES:
        value: Any = to_public(ID_PREFIXES[name], new_id())
        return [value] if name.endswith("s") else value
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return "2026-03-06T08:00:00+08:00"
    by_type = {
        "integer": max(schema.get("minimum", 0), 1),
        "boolean": True,
        "array": [],
        "object": {},
    }
    return by_type.get(_type(schema), "0" * max(schema.get("minLength", 1), 8))


def _type(schema: dict[str, Any]) -> str:
    kind: str | list[str] = schema.get("type", "string")
    kinds: list[str] = [kind] if isinstance(kind, str) else kind
    return next(one for one in kinds if one != "null")


def wrong_values(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield values a field must refuse, each with what is wrong about it."""
    kinds = {"string": "text", "integer": 1, "boolean": True, "array": [], "object": {}}
    own = _type(schema)
    for kind, value in kinds.items():
        if kind != own:
            yield f"{kind} for {own}", value
    yield "float", 1.5
    yield "integral float", 100.0
    yield "huge integer", 10**30
    if own == "string":
        yield "control character", "a\u0007b"
        yield "too long", "x" * 5_000
        yield "lone line feed", "a\nb"
    if own == "integer":
        yield "below the limit", schema["minimum"] - 1
        yield "negative", -1
        yield "above the limit", schema["maximum"] + 1
    if not isinstance(schema.get("type"), list):
        yield "null", None
