"""Forms of the campaigns pages."""

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
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns.definition.reading import MAX_BYTES
from campaigns.models import Campaign, Funding, FundsMovement
from campaigns.services.adjustments import AdjustmentKind
from core import clock
from core.access.roles import Principal
from core.access.scope import scope_queryset
from core.admin.actions import REASON_MAX, ReasonForm
from core.money import MAX_FEN, fen_from_yuan

LIST_BYTES = 4 << 20


class YuanField(forms.CharField):
    """An amount typed in yuan, read as fen."""

    def __init__(self, **options: Any) -> None:
        """Use a text field: a number field would round."""
        options.setdefault("widget", UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}))
        options.setdefault("label", _("金额（元）"))
        options.setdefault("max_length", 20)
        super().__init__(**options)

    def clean(self, value: Any) -> int:
        """Return fen, 0 for a field left empty that may be.

        Refused is what is no positive amount with at most two decimals.
        """
        text = str(super().clean(value)).replace(",", "").replace("，", "")
        if not text:
            return 0
        try:
            fen = fen_from_yuan(text)
        except ValueError as error:
            raise ValidationError(gettext("请输入金额，最多两位小数")) from error
        if not 0 < fen <= MAX_FEN:
            raise ValidationError(gettext("金额应大于零且不超过上限"))
        return fen


class OptionalReasonForm(BaseDialogForm):
    """A note that may be left out."""

    reason = forms.CharField(
        label=_("说明"),
        max_length=REASON_MAX,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class AuditForm(ReasonForm):
    """The audit's report."""

    document_no = forms.CharField(
        label=_("审计报告文号"), max_length=80, widget=UnfoldAdminTextInputWidget
    )
    field_order = ("document_no", "reason")


class _FunderForm(BaseDialogForm):
    """A dialog over the cash funders of the campaign on whose page it opens."""

    funder: Any = forms.ModelChoiceField(
        label=_("出资方"), queryset=None, widget=UnfoldAdminSelectWidget, empty_label=None
    )

    def __init__(
        self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Offer the funders of the campaign that give cash."""
        super().__init__(request, object_id, *args, **kwargs)
        rows = Funding.objects.filter(campaign_id=object_id).select_related("funder")
        chosen: Any = self.fields["funder"]
        chosen.queryset = rows.exclude(mode=Funding.Mode.MERCHANT_CONCESSION)
        chosen.label_from_instance = lambda row: f"{row.funder.name}（{row.get_mode_display()}）"


class FundsForm(_FunderForm):
    """Cash that came or went."""

    kind = forms.ChoiceField(
        label=_("类型"), choices=FundsMovement.Kind.choices, widget=UnfoldAdminSelectWidget
    )
    amount_fen = YuanField()
    document_no = forms.CharField(
        label=_("凭证号/文号"), max_length=80, widget=UnfoldAdminTextInputWidget
    )
    value_date = forms.DateField(
        label=_("到账日期"), initial=clock.today, widget=UnfoldAdminDateWidget
    )
    reason = forms.CharField(
        label=_("说明"),
        max_length=REASON_MAX,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class AdjustmentForm(_FunderForm):
    """A correction from the closed list."""

    kind = forms.ChoiceField(
        label=_("调账事由"), choices=AdjustmentKind.choices, widget=UnfoldAdminSelectWidget
    )
    amount_fen = YuanField()
    payee_id = forms.UUIDField(
        label=_("收款方编号"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("仅核销应收商户款时填写"),
    )
    reason = forms.CharField(
        label=_("理由"),
        max_length=REASON_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("写入审计日志，不可修改"),
    )


class BudgetForm(BaseDialogForm):
    """Top-up or cut: one amount per line, as path, present and wanted amount."""

    changes = forms.CharField(
        label=_("变更"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text=_(
            "每行一项：路径 当前值 目标值，金额以分为单位，如 "
            "funders[0].quota_fen 200000 220000 或 batches[0].units 100 110"
        ),
    )
    reason = ReasonForm.base_fields["reason"]

    def clean_changes(self) -> list[tuple[str, int, int]]:
        """Read the lines."""
        lines = [line.split() for line in self.cleaned_data["changes"].splitlines() if line.strip()]
        try:
            return [(path, int(current), int(target)) for path, current, target in lines]
        except ValueError as error:
            raise ValidationError(gettext("每行应为：路径 当前值 目标值")) from error


class DefinitionForm(forms.Form):
    """A definition file, YAML or JSON."""

    file = forms.FileField(
        label=_("方案文件"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("YAML 或 JSON，UTF-8 编码，不超过 2 MB"),
    )

    def clean_file(self) -> Any:
        """Refuse what is too large before it is read."""
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(gettext("文件过大"))
        return file


def campaigns_listable(user: Principal) -> QuerySet[Campaign]:
    """Return the campaigns for which the member of staff may build a list."""
    rows = Campaign.objects.exclude(state__in=("ENDED", "CLEARING", "AUDITED", "CLOSED"))
    return scope_queryset(rows, user, action="campaigns.add_whitelist")


class WhitelistForm(forms.Form):
    """Store numbers, typed or as a file with one number per line."""

    campaign: Any = forms.ModelChoiceField(
        label=_("活动"), queryset=None, widget=UnfoldAdminSelectWidget, empty_label=None
    )
    store_nos = forms.CharField(
        label=_("门店编号"),
        required=False,
        max_length=LIST_BYTES,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=_("每行一个"),
    )
    file = forms.FileField(
        label=_("或上传文件"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV 或文本，每行第一列为门店编号；UTF-8 编码，不超过 4 MB"),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the campaigns for which the member of staff may build a list."""
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["campaign"]
        chosen.queryset = campaigns_listable(request.user)

    def clean_file(self) -> list[str]:
        """Read the first column of every line."""
        file = self.cleaned_data["file"]
        if not file:
            return []
        if file.size > LIST_BYTES:
            raise ValidationError(gettext("文件过大"))
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValidationError(gettext("文件应为 UTF-8 编码")) from error
        cells = [line.split(",")[0].strip().strip('"').strip() for line in text.splitlines()]
        return [cell for cell in cells if cell.isdigit()]

    def store_numbers(self) -> list[str]:
        """Return every number of both fields."""
        typed: list[str] = self.cleaned_data["store_nos"].split()
        return [*typed, *self.cleaned_data["file"]]
