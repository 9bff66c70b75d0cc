"""The list of codes inside the API document: one list drives answers and documentation."""

from typing import Any, Final

from core.errors import CATALOGUE

API_FAMILIES: Final = (
    "request",
    "auth",
    "access",
    "idempotency",
    "rate",
    "claim",
    "voucher",
    "code",
    "redemption",
    "refund",
    "transaction",
    "infra",
)
"""Families a client of the API can meet; the others answer staff."""


def codes_table() -> str:
    """Return the codes of the API as a Markdown table, by family."""
    lines = ["| code | HTTP | 说明 | English | 处理建议 | 热线答复 |", "|---|---|---|---|---|---|"]
    for family in API_FAMILIES:
        lines += [
            f"| `{text.code}` | {text.status} | {_cell(text.title_zh, text.detail_zh)} "
            f"| {_cell(text.title_en, text.detail_en)} | {_lines(text.remedy_zh)} "
            f"| {text.hotline_zh} |"
            for text in CATALOGUE.values()
            if text.code.partition(".")[0] == family
        ]
    return "\n".join(lines)


def codes_append(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """Append the table to the description of the OpenAPI document (a drf-spectacular hook)."""
    info = result["info"]
    info["description"] = f"{info.get('description', '')}\n\n## 错误码\n\n{codes_table()}\n"
    return result


def _cell(title: str, detail: str) -> str:
    return f"{title}：{_lines(detail)}" if detail else title


def _lines(text: str) -> str:
    """Keep the lines of a template, of which an answer takes the first, in one row of the table."""
    return text.replace("\n", "<br>")
