"""``manage.py campaign_forecast CAMPAIGN``: what happens if the campaign runs as it is defined."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from campaigns.management.files import refusal
from core.errors import DomainError
from redemption.forecast.parameters import PARAMETERS, SEED, parameter_words, parameters_parse
from redemption.forecast.reading import definition_named
from redemption.forecast.result import Forecast
from redemption.forecast.services import forecast_make
from redemption.forecast.table import table_text

BAD_INPUT = 2


class Command(BaseCommand):
    """Forecast and print; nothing is written to the database."""

    help = "Forecast a campaign: waves, refusals, redemptions and money, from a model of people."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "campaign",
            nargs="?",
            help="a definition file, or the code of a campaign or of a published programme",
        )
        parser.add_argument("--seed", type=int, default=SEED, help="another crowd")
        parser.add_argument("--scale", type=int, default=0, help="play 1 in SCALE (0: chosen)")
        parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
        parser.add_argument("--list-params", action="store_true", help="list them and end")
        parser.add_argument("--json", type=Path, help="write the whole forecast to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Forecast, print the tables, write the file."""
        if options["list_params"]:
            self._list()
            return
        if not options["campaign"]:
            raise CommandError("name a campaign", returncode=BAD_INPUT)
        try:
            parameters = parameters_parse(_pairs(options["param"]))
            forecast = self._forecast(options, parameters)
        except DomainError as error:
            raise CommandError(str(refusal(error)), returncode=BAD_INPUT) from error
        self.stdout.write(table_text(forecast))
        if options["json"]:
            _write(options["json"], forecast)

    def _forecast(self, options: dict[str, Any], parameters: dict[str, int]) -> Forecast:
        definition = definition_named(options["campaign"])
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
        )
        console = Console(stderr=True)
        # A bar for a person at a terminal; nothing of it in a file.
        shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        with shown as bar:
            task = bar.add_task(definition.spec.title)

            def told(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            return forecast_make(
                definition,
                parameters=parameters,
                seed=options["seed"],
                scale=options["scale"],
                told=told,
            )

    def _list(self) -> None:
        for one in PARAMETERS:
            words = parameter_words(one)
            self.stdout.write(
                f"{one.name:<24} {one.default:>8} {words['unit']} ({words['range']})  "
                f"{words['title']}；{words['source']}"
            )


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts)
    if not all("=" in text for text in texts):
        raise CommandError("--param takes NAME=VALUE", returncode=BAD_INPUT)
    return pairs


def _write(path: Path, forecast: Forecast) -> None:
    text = json.dumps(forecast.plain(), ensure_ascii=False, indent=2)
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=BAD_INPUT) from error
