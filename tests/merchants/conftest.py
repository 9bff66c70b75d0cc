"""Fixtures of the merchants room."""

import pytest
from django.test import Client

from core.access.models import Role
from tests.merchants.logins import login


@pytest.fixture
def maker() -> Client:
    return login(Role.LIST_MAKER)
