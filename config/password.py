"""Changing one's own password, through the service, so that the log records it."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy
from unfold.forms import AdminOwnPasswordChangeForm

from core import clock
from core.access.models import User
from core.access.services import user_set_password


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]  # Unfold has no types
    """Unfold's form; the new password is set by the service."""

    user: User

    def save(self, commit: bool = True) -> User:
        """Set the password; all other sessions of the user end."""
        del commit
        user_set_password(
            user=self.user,
            password=self.cleaned_data["new_password1"],
            actor=self.user,
            now=clock.now(),
        )
        return self.user


def password_change(request: HttpRequest, **extra: Any) -> HttpResponseBase:
    """Show and handle the form inside the admin's frame."""
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url=reverse_lazy("admin:password_change_done"),
        extra_context={**admin.site.each_context(request), **extra},
    )
    return view(request)
