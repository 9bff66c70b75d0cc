"""Where, when and how the vouchers of a batch may be used, on the draft page."""

from typing import get_args

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from merchants.models import Merchant
from vouchers.admin.editor_fields import lines_field, words_field
from vouchers.admin.editor_text import goods_of, hours_of
from vouchers.rules.flows import FLOWS
from vouchers.rules.model import TierName

FLOW_CHOICES = [(code, _(said.zh)) for code, said in FLOWS.items()]
TIER_CHOICES = [one for one in Merchant.Tier.choices if one[0] in get_args(TierName)]
GOODS_WRONG = _("每行应为：商品 编码 名称，或 类别 编码 名称")


class ScopeForm(forms.Form):
    """The scope of a batch; a field left empty does not restrict anything."""

    stores = words_field(_("适用门店"), _("门店编号，以空格或换行分隔；空则不限"), 2)
    brands = words_field(_("适用品牌"), _("品牌代码，以空格分隔；空则不限"))
    use_tiers = forms.MultipleChoiceField(
        label=_("适用商户分级"),
        choices=TIER_CHOICES,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("不选则不限；有财政资金的批次不得选择"),
    )
    items = lines_field(
        _("适用商品"),
        _("每行：商品 编码 名称，或 类别 编码 名称；只有这些商品的金额计入用券金额，空则不限"),
        read=goods_of,
        wrong=GOODS_WRONG,
    )
    excluded_items = lines_field(
        _("不适用商品"), _("写法同上；其金额不计入用券金额"), read=goods_of, wrong=GOODS_WRONG
    )
    hours = lines_field(
        _("可用时段"),
        _("每行：开始-结束 [星期]，如 18:00-24:00 5,6,7；空则不限"),
        read=hours_of,
        wrong=_("每行应为：开始-结束 [星期1至7]"),
    )
    flows = forms.MultipleChoiceField(
        label=_("使用方式"),
        choices=FLOW_CHOICES,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("不选则不限"),
    )
    card_bins = words_field(_("卡号开头"), _("以空格分隔，如 62；空则不限"))
