"""``manage.py check_invariants [--json] [--only NAME]``: exit code 1 if any check is broken."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.invariants.services import InvariantReport, invariants_check


class Command(BaseCommand):
    """Run every named check over the books and show what breaks it."""

    help = "Check every invariant; exit code 1 and the rows if one does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument("--only", action="append", metavar="NAME", help="run only this check")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, and leave with 1 if a check is broken."""
        try:
            report = invariants_check(only=options["only"])
        except LookupError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
        else:
            self._print(report)
        if report.violations:
            sys.exit(1)

    def _print(self, report: InvariantReport) -> None:
        for result in report.results:
            mark = "✗" if result.violations else "✓"
            self.stdout.write(f"{mark} {result.name}  {result.title_zh}")
            for row in result.rows:
                fields = "  ".join(f"{name}={value}" for name, value in row.items())
                self.stdout.write(f"    {fields}")
            if result.violations > len(result.rows):
                self.stdout.write(f"    … {result.violations}")
        self.stdout.write(f"{len(report.results)} checks, {report.violations} violations")
