"""``manage.py campaign_load FILE [--user NAME]``: save a definition file as a campaign's draft."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from campaigns.management.files import definition_file, refusal
from campaigns.services.drafts import campaign_draft_save
from core import clock
from core.access.models import User
from core.errors import DomainError


class Command(BaseCommand):
    """Read, check and save; errors name the path in the file."""

    help = "Save a campaign definition (YAML or JSON) as a draft."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--user", help="user name of the maker; left out: the console")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load the file and say which campaign it became."""
        document = definition_file(options["file"])
        name = options["user"]
        actor = User.objects.filter(username=name).first() if name else None
        if name and actor is None:
            raise CommandError(_("没有这个用户：%(name)s") % {"name": name})
        try:
            campaign = campaign_draft_save(document=document, actor=actor, now=clock.now())
        except DomainError as error:
            raise refusal(error) from error
        self.stdout.write(f"{campaign.code}  {campaign.title}  {campaign.get_state_display()}")
