"""The refusals a till can meet, said from the catalogue of codes alone."""

import re
from dataclasses import dataclass

from core.errors import CATALOGUE, CodeText
from core.passages import english

TILL_FAMILIES = ("voucher", "code", "redemption", "refund")
"""Families of codes that a quote, a hold, a payment, a cancel or a refund can be refused with."""

BLANK = "…"
_VALUE = re.compile(r"\{[a-z_]+\}")


@dataclass(frozen=True, slots=True)
class TillCode:
    """A code in one language: what the till shows, what helps, what the hotline says.

    Values that only a refusal knows are left blank.
    """

    code: str
    shown: str
    remedy: str
    hotline: str


def till_codes() -> list[TillCode]:
    """Return every code a till can meet, in the order of the catalogue."""
    return [
        _till_code(text)
        for text in CATALOGUE.values()
        if text.code.partition(".")[0] in TILL_FAMILIES
    ]


def _till_code(text: CodeText) -> TillCode:
    if english():
        title, detail, remedy, hotline = (
            text.title_en,
            text.detail_en,
            text.remedy_en,
            text.hotline_en,
        )
    else:
        title, detail, remedy, hotline = (
            text.title_zh,
            text.detail_zh,
            text.remedy_zh,
            text.hotline_zh,
        )
    stop = ". " if english() else "。"
    return TillCode(
        code=text.code,
        shown=f"{title}{stop}{_blanked(detail)}".strip() if detail else title,
        remedy=_blanked(remedy),
        hotline=hotline,
    )


def _blanked(template: str) -> str:
    """Leave values blank; of several lines the last is taken, which needs the fewest."""
    return _VALUE.sub(BLANK, template.rpartition("\n")[2])
