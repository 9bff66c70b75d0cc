"""The shape of one line of the catalogue of codes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeText:
    """A stable code with its HTTP status and its words in both languages.

    ``detail_*`` and ``remedy_*`` are templates over the error's data: ``{opens_at}`` writes a time
    in words, ``{shortfall_yuan}`` writes ``shortfall_fen`` in yuan. Where a value is missing the
    template's next line is taken, or nothing (the title then serves as detail).
    ``hotline_*`` is what the service desk answers who asks about it, without any value.
    ``retry_after_s`` is the default of the ``Retry-After`` header, for codes that are worth
    repeating.
    """

    code: str
    status: int
    title_zh: str
    title_en: str
    detail_zh: str = ""
    detail_en: str = ""
    remedy_zh: str = ""
    remedy_en: str = ""
    hotline_zh: str = ""
    hotline_en: str = ""
    retry_after_s: int | None = None
