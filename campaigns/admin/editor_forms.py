"""The forms of the draft page for what the campaign itself owns."""

import hashlib
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns.admin.forms import YuanField
from campaigns.definition.moments import OutOfRangeError, range_assert, range_words
from campaigns.definition.texts import line_feeds
from campaigns.definition.words import DOCUMENT_KINDS
from campaigns.models import Campaign, Funder, Funding
from core.admin.regions import region_choices
from core.clock import TIME_ZONE
from core.money import yuan_text

FILE_BYTES = 50 << 20
OUT_OF_RANGE = "out_of_range"
"""Code of the error about a moment that no definition may name."""


class LinesField(forms.CharField):
    """A text of several lines as the definition has it; browsers send CR LF between them."""

    def to_python(self, value: Any) -> str:
        """Return the text with LF, before its length is checked."""
        return line_feeds(str(super().to_python(value)))


_WIDE = "：，；－＝０１２３４５６７８９\u3000"
_NARROW = ":,;-=0123456789 "
_SIGNS = str.maketrans(_WIDE, _NARROW)


def text_field(label: Any, **options: Any) -> forms.CharField:
    """Return a line of text."""
    return forms.CharField(
        label=label, widget=UnfoldAdminTextInputWidget, **{"max_length": 120, **options}
    )


def choice_field(label: Any, choices: Any, **options: Any) -> forms.ChoiceField:
    """Return a drop-down; it begins with its first choice unless ``initial`` says another.

    A browser sends the first choice of a drop-down that nobody touched. Only if that is the initial
    value too does a row that nobody filled in count as blank.
    """
    if choices and not callable(choices):
        options.setdefault("initial", choices[0][0])
    return forms.ChoiceField(
        label=label, choices=choices, widget=UnfoldAdminSelectWidget, **options
    )


def _in_range(moment: datetime) -> None:
    try:
        range_assert(moment)
    except OutOfRangeError as error:
        raise ValidationError(range_words(), code=OUT_OF_RANGE) from error


def signs_narrow(text: str) -> str:
    """Write signs and digits as codes have them where an input method made them wide (：，).

    For what is read by its signs; not for names, which keep theirs.
    """
    return text.translate(_SIGNS)


class _MomentField(forms.DateTimeField):
    def to_python(self, value: Any) -> Any:
        return super().to_python(signs_narrow(value) if isinstance(value, str) else value)


def moment_field(label: Any, **options: Any) -> forms.DateTimeField:
    """Return a moment typed as ``2026-03-06 08:00``, in Asia/Shanghai."""
    return _MomentField(
        label=label,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-03-06 08:00"}),
        input_formats=["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"],
        validators=[_in_range],
        **options,
    )


def moment_text(value: str) -> str:
    """Spell a moment of the document as the form takes it."""
    moment: Any = forms.DateTimeField().to_python(value)
    local = moment.astimezone(TIME_ZONE)
    return f"{local:%Y-%m-%d %H:%M:%S.%f}" if local.microsecond else f"{local:%Y-%m-%d %H:%M:%S}"


class CampaignForm(forms.Form):
    """The campaign's own fields."""

    opened = forms.CharField(required=False, widget=forms.HiddenInput)
    """The hash of the draft as the page showed it."""
    code = text_field(_("活动代码"), max_length=40, help_text=_("小写字母、数字与连字符，不可更改"))
    title = text_field(_("活动名称"))
    owner_region = choice_field(_("归属地区"), ())
    regions = text_field(
        _("适用地区代码"), max_length=400, help_text=_("六位行政区划代码，多个以空格分隔")
    )
    starts_at = moment_field(_("开始时间"))
    ends_at = moment_field(_("结束时间（不含）"))
    settlement_path = choice_field(_("结算路径"), Campaign.SettlementPath.choices)
    rules_text = LinesField(
        label=_("活动说明"),
        required=False,
        strip=False,
        max_length=4_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Offer the regions of the member of staff; code and owner of a known draft stay."""
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner_region"]
        owner.choices = region_choices(request, "campaigns.add_campaign")
        if self.initial.get("code"):
            self.fields["code"].disabled = True
            owner.disabled = True

    def clean_regions(self) -> list[str]:
        """Split the codes."""
        return signs_narrow(self.cleaned_data["regions"]).replace(",", " ").split()

    def clean_rules_text(self) -> str:
        """Keep the text as it was written; a browser sends its lines with CR LF between."""
        text = "\n".join(str(self.cleaned_data["rules_text"]).split("\r\n"))
        return text if text.strip() else ""


class FunderForm(forms.Form):
    """A funder with its quota and document."""

    code = text_field(_("出资方代码"), max_length=40)
    name = text_field(_("出资方名称"))
    level = choice_field(_("层级"), Funder.Level.choices)
    mode = choice_field(_("出资方式"), Funding.Mode.choices)
    quota_fen = YuanField(label=_("预算额度（元）"))
    number = text_field(_("资金文号"))
    year = forms.IntegerField(
        label=_("预算年度"), min_value=2000, max_value=2100, widget=UnfoldAdminIntegerFieldWidget
    )
    project_code = text_field(_("项目编码"), required=False)


class DocumentForm(forms.Form):
    """A document of the submission; of its file only the hash is kept."""

    kind = choice_field(_("材料"), [(kind, label) for kind, label in DOCUMENT_KINDS.items()])
    number = text_field(_("文号"))
    date = forms.DateField(label=_("日期"), widget=UnfoldAdminSingleDateWidget)
    file = forms.FileField(
        label=_("文件"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("仅计算并保存摘要（SHA-256）"),
    )
    sha256 = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_file(self) -> Any:
        """Refuse what is too large to be hashed in a request."""
        file = self.cleaned_data["file"]
        if file and file.size > FILE_BYTES:
            raise ValidationError(gettext("文件过大"))
        return file

    def digest(self) -> str:
        """Return the hash of the uploaded file, else the one there was."""
        file = self.cleaned_data.get("file")
        if not file:
            return str(self.cleaned_data.get("sha256") or "")
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        return digest.hexdigest()


def funder_initial(funder: dict[str, Any]) -> dict[str, Any]:
    """Return a funder of the document as the form shows it."""
    return {**funder, **funder["document"], "quota_fen": yuan_text(funder["quota_fen"])}


def funder_plain(old: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return a funder of the document; what the form does not show is kept."""
    names = ("code", "name", "level", "mode", "quota_fen")
    document = {name: row[name] for name in ("number", "year", "project_code")}
    return {**old, **{name: row[name] for name in names}, "document": document}
