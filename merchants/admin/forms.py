"""Forms of the merchants pages: what staff type in beside the model's own fields."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from core.admin.actions import REASON_MAX, ReasonForm
from core.admin.regions import region_choices
from merchants.models import Merchant, Payee, Terminal
from merchants.selectors import acquirers_visible

ReasonedForm = ReasonForm
IMPORT_ACTION = "merchants.import_merchant"


class TerminalTestForm(BaseDialogForm):
    """The result of a voucher test (验券测试)."""

    passed = forms.TypedChoiceField(
        label=_("测试结果"),
        choices=((1, _("通过")), (0, _("未通过（停用终端）"))),
        coerce=lambda value: value == "1",
        widget=UnfoldAdminSelectWidget,
    )
    note = forms.CharField(
        label=_("说明"),
        max_length=REASON_MAX,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class PayeeChangeForm(ReasonForm):
    """A new account of a merchant number."""

    account_name = forms.CharField(
        label=_("收款户名"), max_length=120, widget=UnfoldAdminTextInputWidget
    )
    account = forms.CharField(
        label=_("收款账号"),
        max_length=60,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("仅保存摘要与后四位"),
    )
    field_order = ("account_name", "account", "reason")


class ServiceCheckedForm(forms.ModelForm):  # type: ignore[type-arg]  # no brackets at run time
    """A form whose codes and uniqueness the service checks, in words, before the database does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keep Django from asking the constraints first, whose words only a developer reads."""
        super().__init__(*args, **kwargs)
        self.instance.validate_constraints = lambda **_options: None

    def validate_unique(self) -> None:
        """Leave it to the service: the same number again may be a change or a move."""


class PayeeForm(ServiceCheckedForm):
    """A new payee: the account is typed in, hashed by the service and never shown again."""

    account = PayeeChangeForm.base_fields["account"]

    class Meta:
        model = Payee
        fields = ("acquirer", "merchant", "merchant_no", "account_name")


class MerchantForm(ServiceCheckedForm):
    """A merchant; registering a code again changes the merchant of the own bureau."""

    class Meta:
        model = Merchant
        fields = ("uscc", "name", "brand", "mcc", "industry", "tier", "commitment_on")


class TerminalForm(ServiceCheckedForm):
    """A terminal; mapping it again moves it."""

    class Meta:
        model = Terminal
        fields = ("acquirer", "terminal_no", "store", "merchant_no", "is_active")


class ImportForm(forms.Form):
    """An acquirer's list: from whom, for which bureau, and the file."""

    acquirer: Any = forms.ModelChoiceField(
        label=_("收单机构"), queryset=None, widget=UnfoldAdminSelectWidget, empty_label=None
    )
    owner_region = forms.ChoiceField(
        label=_("归属地区"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("名单所属主管部门的地区；自治区（省）名单按门店所在市归属"),
    )
    file = forms.FileField(
        label=_("文件"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("XLSX，或 UTF-8、GB18030 编码的 CSV；不超过 20 MB、60000 行"),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the acquirers and regions of the member of staff."""
        super().__init__(*args, **kwargs)
        acquirer: Any = self.fields["acquirer"]
        acquirer.queryset = acquirers_visible(request.user)
        region: Any = self.fields["owner_region"]
        region.choices = region_choices(request, IMPORT_ACTION)
