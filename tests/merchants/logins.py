"""Log-ins of staff for the pages of the merchants room."""

from django.test import Client

from tests.factories.merchants import NANNING
from tests.factories.staff import staff_make


def login(*roles: str, region: str = NANNING) -> Client:
    client = Client()
    client.force_login(staff_make(*roles, region=region))
    return client
