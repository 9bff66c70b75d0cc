"""The form of an entry of the control list: a number, entered once and never kept, and terms."""

from __future__ import annotations  # ModelForm takes no brackets at run time

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns.admin.editor_forms import choice_field, moment_field
from core import clock
from core.admin.actions import REASON_MAX
from core.errors import DomainError
from core.models import Case, Client
from core.passages import moment_words
from core.pii import DOCUMENT_TYPES, assert_no_number
from vouchers.identity import IdentityToken, account_token, identity_token
from vouchers.models import ControlEntry
from vouchers.models.persons import KeyKind

MOST_CHARS = 128
ASKED = ("kind", "document_type", "number", "client")


class ForgetfulInput(UnfoldAdminTextInputWidget):
    """A text that no page repeats, not even one that says what is wrong with it."""

    def format_value(self, value: Any) -> None:
        """Show nothing."""
        del value


class ControlForm(forms.ModelForm):  # type: ignore[type-arg]  # no brackets at run time
    """Which key, and the terms; of a case the terms alone."""

    case: Case | None = None
    channels: QuerySet[Client] | None = None
    kind = choice_field(_("种类"), KeyKind.choices)
    document_type = choice_field(
        _("证件类型"), tuple(DOCUMENT_TYPES.items()), required=False, help_text=_("证件填写")
    )
    number = forms.CharField(
        label=_("号码"),
        max_length=MOST_CHARS,
        widget=ForgetfulInput(attrs={"autocomplete": "off"}),
        help_text=_("证件号、手机号、设备号、卡号或渠道用户号；只存摘要，提交后不再显示"),
    )
    client: Any = forms.ModelChoiceField(
        label=_("渠道"),
        queryset=Client.objects.none(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("渠道账户填写"),
    )
    valid_from = moment_field(_("起始时间"))
    valid_until = moment_field(_("截止时间（不含）"))
    reason = forms.CharField(
        label=_("列入理由"),
        max_length=REASON_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("写入审批和审计日志，不可修改，不得写完整号码"),
    )

    class Meta:
        model = ControlEntry
        fields = ("owner_region", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start from now; of a case from its region and its conclusion, without a number."""
        super().__init__(*args, **kwargs)
        self.initial["valid_from"] = moment_words(clock.now())
        if self.case is not None:
            self.initial["owner_region"] = self.case.owner_region
            self.initial["reason"] = self.case.decision_reason[:REASON_MAX]
            for name in ASKED:
                del self.fields[name]
        elif self.channels is not None:
            self.fields["client"].queryset = self.channels  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        """Turn the number into its token; from here on nobody has the number."""
        cleaned = super().clean() or self.cleaned_data
        number = cleaned.pop("number", None)
        if number and cleaned.get("reason"):
            self._assert_reason(cleaned["reason"], number)
        if self.case is None and number and cleaned.get("kind"):
            try:
                cleaned["token"] = self._token(cleaned, number)
            except DomainError as error:
                reasons = [one.reason for one in error.invalid_params]
                self.add_error("number", reasons or gettext("号码不正确"))
        return cleaned

    def _assert_reason(self, reason: str, number: str) -> None:
        # Only here the number is known; the service finds long runs of digits by itself.
        try:
            assert_no_number("reason", reason, entered=number)
        except DomainError as error:
            self.add_error("reason", [one.reason for one in error.invalid_params])

    def _token(self, cleaned: dict[str, Any], number: str) -> IdentityToken | None:
        kind = cleaned["kind"]
        if kind == KeyKind.DOCUMENT and "document_type" not in cleaned:
            return None  # said at the type itself
        if kind != KeyKind.ACCOUNT:
            return identity_token(kind, number, document_type=cleaned.get("document_type", ""))
        if not cleaned.get("client"):
            self.add_error("client", gettext("渠道账户须选择渠道"))
            return None
        return account_token(cleaned["client"].pk, number)
