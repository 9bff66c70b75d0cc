"""What staff type in on the settlement pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns.models import Campaign
from core.access.models import User
from core.access.roles import Principal
from core.admin.actions import REASON_MAX
from core.money import MAX_FEN, fen_from_yuan
from merchants.selectors import acquirers_visible
from redemption.admin.settlement.choices import buildable, importable, reportable
from redemption.settlement.models import BankLine, MerchantRepayment

FILE_BYTES = 64 << 20


def reason_field(label: Any, *, required: bool = True) -> forms.CharField:
    """Return a field of several lines."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=REASON_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


def _choice(label: Any) -> Any:
    return forms.ModelChoiceField(
        label=label, queryset=None, widget=UnfoldAdminSelectWidget, empty_label=None
    )


class OptionalNoteForm(BaseDialogForm):
    """A note that may be left out."""

    reason = reason_field(_("说明"), required=False)


class ResultForm(BaseDialogForm):
    """The bank's answer to one payout."""

    outcome = forms.ChoiceField(
        label=_("结果"), choices=BankLine.Outcome.choices, widget=UnfoldAdminSelectWidget
    )
    bank_ref = forms.CharField(
        label=_("银行流水号"), max_length=64, widget=UnfoldAdminTextInputWidget
    )
    value_date = forms.DateField(label=_("日期"), widget=UnfoldAdminDateWidget)
    reason = reason_field(_("退汇原因"), required=False)


class ResolveForm(BaseDialogForm):
    """What a difference came from, and what proves it."""

    resolution = reason_field(_("处理结果"))
    evidence = reason_field(_("依据"))


class ResolutionForm(BaseDialogForm):
    """What was done, or why it waits."""

    resolution = reason_field(_("处理结果"))


class OwnerForm(BaseDialogForm):
    """Who is to look after a row: staff of the own organisation."""

    owner: Any = _choice(_("负责人"))

    def __init__(
        self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Offer active colleagues."""
        super().__init__(request, object_id, *args, **kwargs)
        user = request.user
        mine = User.objects.filter(is_active=True, is_staff=True)
        organisation = getattr(user, "organisation_id", None)
        field: Any = self.fields["owner"]
        field.queryset = mine.filter(organisation=organisation).order_by("pk")


class _CampaignForm(forms.Form):
    """A page about one campaign of the own region."""

    campaign: Any = _choice(_("活动"))

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the campaigns of the member of staff."""
        super().__init__(*args, **kwargs)
        field: Any = self.fields["campaign"]
        field.queryset = self.offered(request.user)

    @staticmethod
    def offered(user: Principal) -> QuerySet[Campaign]:
        """Return the campaigns to choose from."""
        return reportable(user)


class BuildForm(_CampaignForm):
    """Which batch to build."""

    acquirer: Any = _choice(_("收单机构"))
    day = forms.DateField(label=_("账务日期"), widget=UnfoldAdminDateWidget)
    everything = forms.BooleanField(
        label=_("包含七天以前未结算的明细"), required=False, widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the acquirers of the member of staff."""
        super().__init__(request, *args, **kwargs)
        field: Any = self.fields["acquirer"]
        field.queryset = acquirers_visible(request.user)

    @staticmethod
    def offered(user: Principal) -> QuerySet[Campaign]:
        """Return the campaigns whose batches may be built."""
        return buildable(user)


class StatementsForm(_CampaignForm):
    """Statements of a business date."""

    day = forms.DateField(label=_("账务日期"), widget=UnfoldAdminDateWidget)


class CampaignReportForm(_CampaignForm):
    """A 活动战报 as of now."""

    scale = forms.IntegerField(
        label=_("对照公开数据的缩小倍数"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("留空则不列公开数据；演示为 1000"),
    )


class FileForm(forms.Form):
    """A file to import."""

    file = forms.FileField(label=_("文件"), widget=UnfoldAdminFileFieldWidget)

    def __init__(self, _request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Take the request as the other pages' forms do."""
        super().__init__(*args, **kwargs)

    def clean_file(self) -> Any:
        """Refuse a file above the limit."""
        file = self.cleaned_data["file"]
        if file.size > FILE_BYTES:
            raise ValidationError(gettext("文件超过 %(limit)s MB") % {"limit": FILE_BYTES >> 20})
        return file


class AcquirerFileForm(FileForm):
    """An acquirer's detail file."""

    acquirer: Any = _choice(_("收单机构"))
    field_order = ("acquirer", "file")

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the acquirers whose files the member of staff may import."""
        super().__init__(request, *args, **kwargs)
        field: Any = self.fields["acquirer"]
        field.queryset = importable(request.user)


class RepaymentForm(forms.ModelForm):  # type: ignore[type-arg]
    """A merchant's repayment; the amount is typed in yuan."""

    amount_yuan = forms.CharField(
        label=_("还款金额（元）"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )

    class Meta:
        model = MerchantRepayment
        fields = ("campaign", "payee", "funder", "document_no", "value_date")

    def clean_amount_yuan(self) -> int:
        """Return fen."""
        text = str(self.cleaned_data["amount_yuan"]).replace(",", "")
        try:
            fen = fen_from_yuan(text)
        except ValueError as error:
            raise ValidationError(gettext("请输入金额，最多两位小数")) from error
        if not 0 < fen <= MAX_FEN:
            raise ValidationError(gettext("金额应大于零且不超过上限"))
        return fen
