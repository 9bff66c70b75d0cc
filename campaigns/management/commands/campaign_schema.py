"""``manage.py campaign_schema [--check]``: write the JSON Schema of the campaign document."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.definition.schema import document_schema

FILE = Path("docs") / "schema" / "campaign.schema.json"


def schema_text() -> str:
    """Return the published spelling of the schema."""
    return json.dumps(document_schema(), ensure_ascii=False, indent=2) + "\n"


class Command(BaseCommand):
    """Write docs/schema/campaign.schema.json, or say that it is out of date."""

    help = "Write the JSON Schema of campaign definitions to docs/schema."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the option."""
        parser.add_argument("--check", action="store_true", help="only compare; exit code 1")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or compare."""
        path = Path(settings.BASE_DIR) / FILE
        if options["check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != schema_text():
                raise CommandError(f"{FILE} is out of date: run manage.py campaign_schema")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(schema_text(), encoding="utf-8")
        self.stdout.write(str(FILE))
