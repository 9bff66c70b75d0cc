"""A member of staff at the admin's pages, over Django's test client.

page = Staff.of(Role.RISK_MAKER, region=NANNING)
html = page.html(page.list_url(Case))
page.act(case, "release", reason="…")       # a dialog action; → the message it left
"""

import html
import re
from dataclasses import dataclass
from typing import Any

from django.contrib.messages import get_messages
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.access.models import User
from tests.factories.merchants import PROVINCE
from tests.factories.staff import staff_make

BACKEND = "core.access.backend.RoleBackend"
HEAD = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)


@dataclass
class Staff:
    """One member of staff, logged in."""

    user: User
    client: Client

    @classmethod
    def of(cls, *roles: str, region: str = PROVINCE) -> "Staff":
        """Log a new member of staff in who holds ``roles`` in ``region``."""
        return cls.login(staff_make(*roles, region=region))

    @classmethod
    def login(cls, user: User) -> "Staff":
        """Log this member of staff in."""
        client = Client()
        client.force_login(user, backend=BACKEND)
        return cls(user, client)

    @staticmethod
    def list_url(model: type[Model]) -> str:
        """Return the address of a model's list."""
        return reverse(f"admin:{_name(model)}_changelist")

    @staticmethod
    def page_url(row: Model) -> str:
        """Return the address of a row's page."""
        return reverse(f"admin:{_name(type(row))}_change", args=(row.pk,))

    @staticmethod
    def add_url(model: type[Model]) -> str:
        """Return the address of the form that adds a row."""
        return reverse(f"admin:{_name(model)}_add")

    def get(self, url: str, query: dict[str, Any] | None = None) -> Any:
        """Open a page."""
        return self.client.get(url, query)

    def html(self, url: str, query: dict[str, Any] | None = None) -> str:
        """Open a page that must be there, and return its text."""
        response = self.client.get(url, query)
        assert response.status_code == 200, (url, response.status_code)
        text: str = response.content.decode()
        return text

    def add(self, model: type[Model], data: dict[str, Any]) -> Any:
        """Send the form that adds a row."""
        return self.client.post(self.add_url(model), data)

    def action(self, row: Model, name: str, **data: Any) -> Any:
        """Send a row's action, with its dialog's fields if there are any."""
        url = self.action_url(row, name)
        sent = {"_form_submitted": "on", **data}
        return self.client.post(url, sent) if data else self.client.get(url)

    @staticmethod
    def action_url(row: Model, name: str) -> str:
        """Return the address of a row's action."""
        return reverse(f"admin:{_name(type(row))}_{name}", args=(row.pk,))

    def act(self, row: Model, name: str, **data: Any) -> str:
        """Send a row's action that ends in a redirect; return the message it left."""
        response = self.action(row, name, **data)
        assert response.status_code == 302, response.content.decode()[:2000]
        return said(response)[-1]


def path_of(text: str) -> list[str]:
    """Return the parts of the path at the head of a page."""
    found = HEAD.search(text)
    assert found
    parts = re.findall(r"<(?:a|span) [^>]*truncate[^>]*>(.*?)</(?:a|span)>", found[1], re.DOTALL)
    return [html.unescape(part).strip() for part in parts]


def title_of(text: str) -> str:
    """Return the title of a page."""
    found = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    assert found
    return " ".join(html.unescape(found[1]).split())


def said(response: Any) -> list[str]:
    """Return the messages a response left for the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def _name(model: type[Model]) -> str:
    opts = model._meta
    return f"{opts.app_label}_{opts.model_name}"
