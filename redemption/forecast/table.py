"""The printed tables of a forecast."""

import io
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from core.admin.columns import yuan_grouped
from core.tabular import Column
from redemption.forecast.result import Forecast
from redemption.forecast.sheets import forecast_sheets
from redemption.forecast.words import forecast_notes
from redemption.settlement.reports.sheets import Sheet

WIDTH = 160


def table_text(forecast: Forecast) -> str:
    """Return the notes and the tables as text for a terminal or a file."""
    stream = io.StringIO()
    # Names are text, whatever brackets and colons they hold.
    console = Console(file=stream, width=WIDTH, color_system=None, markup=False, emoji=False)
    console.print(_("投放预测：%(title)s") % {"title": forecast.title})
    for sheet in forecast_sheets(forecast):
        console.print(_table(sheet))
    for note in forecast_notes(forecast):
        console.print(f"* {note}")
    return stream.getvalue()


def cell_words(value: Any, column: Column) -> str:
    """Write a cell for a reader: amounts in yuan, counts with separators."""
    if isinstance(value, int):
        return yuan_grouped(value) if column.is_fen else f"{value:,}"
    return str(value)


def _table(sheet: Sheet) -> Table:
    table = Table(title=sheet.name, title_justify="left", expand=False)
    rows: list[Sequence[Any]] = list(sheet.rows)
    for place, column in enumerate(sheet.columns):
        counted = bool(rows) and isinstance(rows[0][place], int)
        table.add_column(column.title, justify="right" if counted else "left")
    for row in rows:
        cells = (cell_words(value, one) for value, one in zip(row, sheet.columns, strict=True))
        table.add_row(*cells)
    return table
