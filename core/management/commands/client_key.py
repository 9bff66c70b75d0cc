"""``manage.py client_key issue|rotate|revoke``: signing keys of a client."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.access.models import Client, ClientKey
from core.access.services import (
    IssuedKey,
    client_key_issue,
    client_key_revoke,
    client_key_rotate,
)
from core.errors import DomainError


class Command(BaseCommand):
    """Issue, rotate or revoke; a secret is printed once and can never be shown again."""

    help = "Issue, rotate or revoke a client's signing key."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the three sub-commands."""
        actions = parser.add_subparsers(dest="action", required=True)
        issue = actions.add_parser("issue", help="a first or second key")
        issue.add_argument("client")
        issue.add_argument(
            "--algorithm",
            choices=ClientKey.Algorithm.values,
            default=ClientKey.Algorithm.HMAC_SHA256,
        )
        rotate = actions.add_parser("rotate", help="the successor; the old key works on")
        rotate.add_argument("client")
        revoke = actions.add_parser("revoke", help="switch a key off for good")
        revoke.add_argument("key_id")
        revoke.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the sub-command."""
        try:
            if options["action"] == "revoke":
                self._revoke(options["key_id"], options["reason"])
            else:
                self._new(options)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _new(self, options: dict[str, Any]) -> None:
        client = Client.objects.filter(code=options["client"]).first()
        if client is None:
            raise CommandError(f"no client with code {options['client']}")
        if options["action"] == "rotate":
            self._print(client_key_rotate(client=client, now=clock.now()))
        else:
            algorithm = ClientKey.Algorithm(options["algorithm"])
            self._print(client_key_issue(client=client, now=clock.now(), algorithm=algorithm))

    def _revoke(self, key_id: str, reason: str) -> None:
        key = ClientKey.objects.select_related("client").filter(key_id=key_id).first()
        if key is None:
            raise CommandError(f"no key with id {key_id}")
        client_key_revoke(key=key, reason=reason, now=clock.now())
        self.stdout.write(f"key {key_id} of {key.client.code} is revoked")

    def _print(self, issued: IssuedKey) -> None:
        self.stdout.write(f"client    {issued.key.client.code}")
        self.stdout.write(f"key id    {issued.key.key_id}")
        self.stdout.write(f"algorithm {issued.key.algorithm}")
        self.stdout.write(f"secret    {issued.secret}")
        self.stdout.write("Keep the secret now: it is not shown again.")
