"""``manage.py campaign_export CODE``: write the draft or a version as a definition file."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from campaigns.definition.writing import definition_write
from campaigns.management.files import refusal
from campaigns.services.drafts import campaign_get
from core.errors import DomainError


class Command(BaseCommand):
    """Print the canonical form; loading it again changes nothing."""

    help = "Print a campaign's definition as YAML or JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("code")
        parser.add_argument("--format", choices=["yaml", "json"], default="yaml")
        parser.add_argument("--number", type=int, help="an approved version; left out: the draft")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the document."""
        try:
            campaign = campaign_get(options["code"])
        except DomainError as error:
            raise refusal(error) from error
        document = campaign.draft
        if options["number"] is not None:
            version = campaign.versions.filter(number=options["number"]).first()
            if version is None:
                raise CommandError(
                    _("%(code)s 没有已批准的第 %(number)s 版")
                    % {"code": campaign.code, "number": options["number"]}
                )
            document = version.document
        self.stdout.write(definition_write(document, options["format"]), ending="")
