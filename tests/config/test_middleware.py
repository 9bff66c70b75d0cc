"""Content-security policy: strict everywhere, looser only where third-party pages need it."""

import pytest
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config.middleware import AdminCspMiddleware


def policy(path: str) -> dict[str, str]:
    """The policy a page at this path is served with."""

    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")

    response = CSPMiddleware(AdminCspMiddleware(page))(RequestFactory().get(path))
    assert isinstance(response, HttpResponse)
    directives = (part.strip() for part in response["Content-Security-Policy"].split(";"))
    return dict(part.split(" ", 1) for part in directives if part)


@pytest.mark.parametrize("path", ["/", "/api/v1/claims", "/adminx/", "/api/schema/"])
def test_pages_run_only_our_scripts(path: str) -> None:
    found = policy(path)
    assert found["default-src"] == "'self'"
    assert found["script-src"] == "'self'"
    assert found["style-src"] == "'self'"
    assert found["frame-ancestors"] == "'none'"
    assert found["object-src"] == "'none'"


def test_admin_may_evaluate_and_style_inline_but_load_nothing_foreign() -> None:
    found = policy("/admin/core/user/")
    assert found["script-src"] == "'self' 'unsafe-eval'"
    assert found["style-src"] == "'self' 'unsafe-inline'"
    assert found["connect-src"] == "'self'"


def test_api_docs_may_style_inline() -> None:
    found = policy("/api/docs/")
    assert found["script-src"] == "'self'"
    assert found["style-src"] == "'self' 'unsafe-inline'"
