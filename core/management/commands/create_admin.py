"""``manage.py create_admin USERNAME``: the first administrators of an installation."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.access.models import Organisation, Region, Role
from core.access.role_table import ADMINISTRATORS
from core.access.services import administrator_create
from core.errors import DomainError

PASSWORD_BYTES = 15


class Command(BaseCommand):
    """Create an administrator with a random password, printed once.

    The three administrators are three people: the system administrator makes staff, organisations
    and clients, the security administrator grants roles, the security auditor reads the log.
    """

    help = "Create an administrator; run it once per administrator role."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("username")
        parser.add_argument(
            "--role",
            choices=sorted(ADMINISTRATORS),
            default=Role.SYSTEM_ADMIN,
            help="default: SYSTEM_ADMIN; SECURITY_ADMIN grants roles",
        )
        parser.add_argument("--name", default="", help="name shown to others")
        parser.add_argument("--organisation", default="platform", help="code; made if missing")
        parser.add_argument("--region", default="450000", help="region subtree, six digits")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create it and print the password."""
        region = Region.objects.filter(code=options["region"]).first()
        if region is None:
            raise CommandError(f"no region with code {options['region']}")
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        try:
            user = administrator_create(
                username=options["username"],
                display_name=options["name"] or options["username"],
                role=Role(options["role"]),
                organisation=Organisation.objects.filter(code=options["organisation"]).first(),
                organisation_code=options["organisation"],
                region=region,
                password=password,
                now=clock.now(),
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"user      {user.username} ({Role(options['role']).label})")
        self.stdout.write(f"password  {password}")
        self.stdout.write("Keep the password now: it is not shown again.")
