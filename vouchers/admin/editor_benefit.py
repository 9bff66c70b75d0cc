"""What the vouchers of a batch take off, on the draft page."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget

from campaigns.admin.editor_forms import choice_field
from campaigns.admin.forms import YuanField
from vouchers.admin.editor_fields import ReadField, lines_field, typed
from vouchers.admin.editor_text import item_of, part_of, tier_of

BENEFITS = (
    ("THRESHOLD", _("满减券")),
    ("NO_THRESHOLD", _("无门槛券")),
    ("PERCENTAGE", _("折扣券")),
    ("RANDOM", _("随机立减")),
    ("TIERS", _("阶梯满减券")),
    ("EXCHANGE", _("兑换券")),
    ("PACK", _("券包")),
)
_USED: dict[str, set[str]] = {
    "THRESHOLD": {"threshold_fen", "face_multiple"},
    "NO_THRESHOLD": set(),
    "PERCENTAGE": {"rate", "threshold_fen", "ceiling_fen"},
    "RANDOM": {"min_fen", "threshold_fen"},
    "TIERS": {"tiers"},
    "EXCHANGE": {"item"},
    "PACK": {"parts"},
}
"""What is typed for each kind of benefit; the basis is a choice, which always has a value."""
_TYPED = (
    "rate",
    "min_fen",
    "threshold_fen",
    "ceiling_fen",
    "tiers",
    "item",
    "parts",
    "face_multiple",
)


class BenefitForm(forms.Form):
    """The benefit of a batch: its kind, and the fields that its kind needs."""

    benefit = choice_field(_("优惠方式"), BENEFITS)
    rate = forms.DecimalField(
        label=_("减免比例（%）"),
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal("99.99"),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("折扣券填写，如八折填 20；面额为最高减免"),
    )
    min_fen = YuanField(
        label=_("最低减免（元）"),
        required=False,
        help_text=_("随机立减填写；面额为最高减免，预算按平均值计"),
    )
    threshold_fen = YuanField(
        label=_("使用门槛（元）"), required=False, help_text=_("满减券填写；或填写面额的倍数")
    )
    ceiling_fen = YuanField(
        label=_("价格上限（元）"), required=False, help_text=_("折扣券可填写；空则不限")
    )
    tiers = lines_field(
        _("各档"),
        _("阶梯满减券填写，每行：起点 补贴（元），如 100000 5000；面额为最高档补贴"),
        read=typed(tier_of),
        wrong=_("每行应为：起点 补贴，金额最多两位小数"),
    )
    item = ReadField(
        label=_("兑换商品"),
        required=False,
        help_text=_("兑换券填写：商品编码 件数 名称，如 6901234567892 1 五常大米；面额为最高抵扣"),
        read=item_of,
        wrong=_("应为：商品编码 件数 名称"),
    )
    parts = lines_field(
        _("券包内容"),
        _("券包填写，每行：批次代码 张数；所含批次的发放方式为“随券包发放”，面额为各券之和"),
        read=typed(part_of),
        wrong=_("每行应为：批次代码 张数"),
    )
    face_multiple = forms.IntegerField(
        label=_("门槛为面额的倍数"),
        required=False,
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    basis = choice_field(
        _("计算口径"),
        (
            ("ORDER", _("订单金额")),
            ("AFTER_MERCHANT_DISCOUNTS", _("扣除商户优惠后的金额")),
            ("AFTER_DISCOUNTS", _("扣除商户及银行优惠后的金额")),
        ),
        initial="ORDER",
    )

    def clean(self) -> dict[str, Any] | None:
        """Ask for what the kind of benefit cannot do without, refuse what it does not use."""
        cleaned = super().clean()
        kind = self.cleaned_data.get("benefit")
        needed = {
            "PERCENTAGE": ("rate", gettext("折扣券须填写减免比例")),
            "TIERS": ("tiers", gettext("阶梯满减券须填写各档")),
            "EXCHANGE": ("item", gettext("兑换券须填写商品")),
            "PACK": ("parts", gettext("券包须填写内容")),
        }
        if kind in needed:
            name, words = needed[kind]
            if not self.cleaned_data.get(name):
                self.add_error(name, words)
        if kind in _USED:
            self._refuse_unused(kind)
        return cleaned

    def _refuse_unused(self, kind: str) -> None:
        # What was typed would be gone after the save, and a voucher without its threshold approved.
        unused = (name for name in _TYPED if name not in _USED[kind])
        filled = [self.fields[name].label for name in unused if self.cleaned_data.get(name)]
        if filled:
            words = gettext("%(kind)s不使用以下各项，请清空：%(fields)s")
            said = {"kind": dict(BENEFITS)[kind], "fields": "、".join(map(str, filled))}
            self.add_error("benefit", words % said)
