"""Read a definition file, YAML or JSON, as plain values; hostile files are refused early.

No tags, anchors or aliases (so no alias bomb), no repeated keys, no floats, bounded size and
depth. Dates stay text: the schema says which text is a date.
"""

import json
import re
from pathlib import PurePath
from typing import Any, NoReturn

import yaml
from django.utils.translation import gettext as _
from yaml.nodes import MappingNode, ScalarNode

from campaigns.errors import DefinitionInvalidError

MAX_BYTES = 2 << 20
MAX_DEPTH = 20


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of JSON only: no dates, no octal numbers, no yes/no."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases, anchors and deep nesting before a node is built."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            _refuse_mark(event.start_mark, _("不支持别名（*）"))
        if getattr(event, "anchor", None):
            _refuse_mark(event.start_mark, _("不支持锚点（&）"))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _refuse_mark(event.start_mark, _("嵌套过深"))
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse repeated field names and names that are not text."""
        seen: set[str] = set()
        for key, _value in node.value:
            if not isinstance(key, ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                _refuse_mark(key.start_mark, _("字段名应为文本（加引号）"))
            if key.value in seen:
                _refuse_mark(key.start_mark, _("字段重复：%(name)s") % {"name": key.value})
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _first in (
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^-?(?:0|[1-9][0-9]{0,17})$", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def definition_read(content: bytes, name: str) -> dict[str, Any]:
    """Parse a definition file; ``name`` tells JSON (``.json``) from YAML.

    Raises:
        DefinitionInvalidError: not such a file; the reason names line and column.
    """
    if len(content) > MAX_BYTES:
        _refuse("$", _("文件超过 %(limit)s 字节") % {"limit": MAX_BYTES})
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("$", _("文件应为 UTF-8 编码"))
    plain = _json(text) if PurePath(name).suffix.lower() == ".json" else _yaml(text)
    if not isinstance(plain, dict):
        _refuse("$", _("文件内容应为一个对象"))
    return plain


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "$"
        _refuse(where, _("YAML 无法解析：%(why)s") % {"why": error.problem or ""})
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        _refuse("$", _("YAML 无法解析：%(why)s") % {"why": type(error).__name__})


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_float=_float, parse_constant=_float)
    except json.JSONDecodeError as error:
        _refuse(f"{error.lineno}:{error.colno}", _("JSON 无法解析"))
    except (ValueError, RecursionError) as error:
        _refuse("$", _("JSON 无法解析：%(why)s") % {"why": type(error).__name__})


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _refuse(twice, _("字段重复：%(name)s") % {"name": twice})
    return value


def _float(text: str) -> NoReturn:
    _refuse("$", _("不接受小数：%(text)s；金额以分为单位的整数填写") % {"text": text[:40]})


def _refuse_mark(mark: Any, reason: str) -> NoReturn:
    _refuse(f"{mark.line + 1}:{mark.column + 1}", reason)


def _refuse(path: str, reason: str) -> NoReturn:
    raise DefinitionInvalidError.one(path, reason)
