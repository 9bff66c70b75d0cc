"""``manage.py client_create CODE --name … --kind … --organisation …``: a new API client."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.access.models import Client, Organisation
from core.access.operations import OPERATIONS
from core.access.services import client_create
from core.errors import DomainError


class Command(BaseCommand):
    """Create a client without keys; `client_key issue` gives it one."""

    help = "Create an API client of an organisation."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("code", help="client code, sent as X-Client-Id")
        parser.add_argument("--name", required=True)
        parser.add_argument("--kind", required=True, choices=Client.Kind.values)
        parser.add_argument("--organisation", required=True, help="code of its organisation")
        parser.add_argument("--owner-region", help="six digits; default: the organisation's")
        parser.add_argument(
            "--operation",
            action="append",
            choices=sorted(OPERATIONS),
            help="allow this operation only (repeat); default: the usual ones of the kind",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create it and print its allow-list."""
        organisation = Organisation.objects.filter(code=options["organisation"]).first()
        if organisation is None:
            raise CommandError(f"no organisation with code {options['organisation']}")
        try:
            client = client_create(
                code=options["code"],
                name=options["name"],
                kind=Client.Kind(options["kind"]),
                organisation=organisation,
                owner_region=options["owner_region"],
                operations=options["operation"],
                now=clock.now(),
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"client {client.code} may call: {', '.join(client.operations)}")
        self.stdout.write(f"next: manage.py client_key issue {client.code}")
