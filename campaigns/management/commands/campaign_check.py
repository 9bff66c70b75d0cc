"""``manage.py campaign_check FILE``: say whether a definition file would be accepted."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from campaigns.definition.document import definition_build
from campaigns.management.files import definition_file, refusal
from core.canonical import canonical_hash
from core.errors import DomainError


class Command(BaseCommand):
    """Check without saving; exit code 1 and every path that is wrong.

    What only keeps the campaign from going live is told, and is no error.
    """

    help = "Check a campaign definition file without saving it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the argument."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Check; print code and hash of the canonical form, and what keeps it from going live."""
        document = definition_file(options["file"])
        try:
            definition = definition_build(document)
        except DomainError as error:
            raise refusal(error) from error
        self.stdout.write(
            _("方案符合要求：%(code)s  %(hash)s")
            % {
                "code": definition.spec.code,
                "hash": canonical_hash(definition.document()),
            }
        )
        for problem in definition.not_ready():
            self.stdout.write(
                _("尚不能上线：%(path)s：%(reason)s")
                % {"path": problem.path, "reason": problem.reason}
            )
