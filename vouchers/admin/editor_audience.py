"""The audience of a batch on the draft page: one of those registered, or the one the draft has."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext

from vouchers.admin.audience_pages import audiences_usable


def audience_options(request: HttpRequest) -> dict[str, Any]:
    """Return the option of `AudienceForm`: code → name of what the member of staff may use."""
    return {"audiences": dict(audiences_usable(request.user).values_list("code", "name"))}


def audience_shown(rules: dict[str, Any]) -> dict[str, Any]:
    """Return the audience of plain rules as the form shows it."""
    rule = rules.get("audience") or {}
    return {
        "audience": rule.get("code", ""),
        "audience_name": rule.get("name", ""),
        "contact": rule.get("contact", ""),
    }


class AudienceForm(forms.Form):
    """A form with the fields ``audience`` and ``contact``."""

    def __init__(self, *args: Any, audiences: dict[str, str], **options: Any) -> None:
        """Offer the audiences, and what the draft names though nobody registered it yet."""
        super().__init__(*args, **options)
        self._names = dict(audiences)
        choices = [("", gettext("不限"))]
        choices += [(code, f"{name}（{code}）") for code, name in audiences.items()]
        written = self.initial.get("audience", "")
        if written and written not in audiences:
            self._names[written] = self.initial["audience_name"]
            unknown = gettext("%(name)s（%(code)s，尚未登记）")
            choices.append((written, unknown % {"name": self._names[written], "code": written}))
        field: Any = self.fields["audience"]
        field.choices = choices

    def clean(self) -> dict[str, Any] | None:
        """Put code, name and contact together as the rules have them."""
        cleaned = super().clean() or self.cleaned_data
        code = cleaned.get("audience")
        contact = cleaned.pop("contact", "")
        if code:
            cleaned["audience"] = {"code": code, "name": self._names[code], "contact": contact}
        return cleaned
