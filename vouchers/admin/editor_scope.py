"""Where, when and how the vouchers of a batch may be used, on the draft page.

A return voucher has the same fields once more for the purchase that it is given for.
"""

from copy import deepcopy
from typing import Any, get_args

import msgspec
from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldBooleanWidget

from core.canonical import to_plain_object
from merchants.models import Merchant
from vouchers.admin.editor_fields import lines_field, typed, words_field
from vouchers.admin.editor_text import goods_of, goods_words, hours_of, hours_words
from vouchers.rules import use_words
from vouchers.rules.flows import FLOWS
from vouchers.rules.model import GoodsName, TierName, UseScope

FLOW_CHOICES = [(code, _(said.zh)) for code, said in FLOWS.items()]
TIER_CHOICES = [one for one in Merchant.Tier.choices if one[0] in get_args(TierName)]
GOODS_WRONG = _("每行应为：商品 编码 名称，或 类别 编码 名称")
OF_PURCHASE = "trigger_"
"""Before the names of the fields that say where the purchase of a return voucher counts."""
_FIELDS = {name: name for name in UseScope.__struct_fields__} | {"tiers": "use_tiers"}
"""Field of the rules → field of the form."""
_NOT_OF_PURCHASE = frozenset({"items", "excluded_items", "excluded_goods"})
"""A purchase is not told by its goods (vouchers.definition.triggers)."""
_LABELS_OF_PURCHASE = {
    "whitelist": _("仅计参与商户名单内门店的消费（返券）"),
    "stores": _("消费所在门店（返券）"),
    "brands": _("消费的品牌（返券）"),
    "use_tiers": _("消费商户的分级（返券）"),
    "hours": _("消费时段（返券）"),
    "regions": _("消费所在地区（返券）"),
    "industries": _("消费商户的行业（返券）"),
    "flows": _("消费的付款方式（返券）"),
    "card_bins": _("消费的卡号开头（返券）"),
}
_CHOSEN = frozenset({"tiers", "industries", "flows", "excluded_goods"})
_WRITTEN: dict[str, tuple[str, Any]] = {
    "stores": (" ", str),
    "brands": (" ", str),
    "regions": (" ", str),
    "card_bins": (" ", str),
    "hours": ("\n", hours_words),
    "items": ("\n", goods_words),
    "excluded_items": ("\n", goods_words),
}
"""What stands between the members of a list that is a text on the form, and how one is written."""
NOT_RESTRICTED: dict[str, Any] = to_plain_object(msgspec.to_builtins(UseScope()))


def _goods_choices() -> list[tuple[str, str]]:
    return [(code, use_words.goods_words(code)) for code in get_args(GoodsName)]


def _chosen(label: Any, choices: Any, help_text: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label,
        choices=choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=help_text,
    )


def scope_names(before: str = "") -> tuple[str, ...]:
    """Return the fields of the form, for uses or (`OF_PURCHASE`) for purchases."""
    left_out = _NOT_OF_PURCHASE if before else frozenset()
    return tuple(before + field for name, field in _FIELDS.items() if name not in left_out)


def scope_shown(use: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return a plain scope as the fields of the form."""
    shown = {}
    for name, value in {**NOT_RESTRICTED, **use}.items():
        between, words = _WRITTEN.get(name, ("", None))
        text = between.join(words(one) for one in value) if words else value
        shown[before + _FIELDS[name]] = text
    return shown


def scope_plain(row: dict[str, Any], old: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return the plain scope of the fields; what is ticked stays in the order it had."""
    use = {**NOT_RESTRICTED, **old}
    for name, field in _FIELDS.items():
        value = row.get(before + field, use[name])
        if name in _CHOSEN:
            kept = [one for one in use[name] if one in value]
            value = [*kept, *(one for one in value if one not in kept)]
        use[name] = value
    return use


class ScopeForm(forms.Form):
    """The scope of a batch; a field left empty does not restrict anything."""

    whitelist = forms.BooleanField(
        label=_("仅限参与商户名单内的门店"),
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
    )
    stores = words_field(_("适用门店"), _("门店编号，以空格或换行分隔；空则不限"), 2)
    brands = words_field(_("适用品牌"), _("品牌代码，以空格分隔；空则不限"))
    use_tiers = _chosen(_("适用商户分级"), TIER_CHOICES, _("不选则不限；有财政资金的批次不得选择"))
    hours = lines_field(
        _("可用时段"),
        _("每行：开始-结束 [星期]，如 18:00-24:00 5,6,7；空则不限"),
        read=typed(hours_of),
        wrong=_("每行应为：开始-结束 [星期1至7]"),
    )
    regions = words_field(_("适用地区"), _("活动地区内的六位行政区划代码，以空格分隔；空则不限"))
    industries = _chosen(_("适用行业"), Merchant.Industry.choices, _("不选则不限"))
    flows = _chosen(_("使用方式"), FLOW_CHOICES, _("不选则不限"))
    card_bins = words_field(_("卡号开头"), _("以空格分隔，如 62；空则不限"))
    items = lines_field(
        _("适用商品"),
        _("每行：商品 编码 名称，或 类别 编码 名称；只有这些商品的金额计入用券金额，空则不限"),
        read=goods_of,
        wrong=GOODS_WRONG,
    )
    excluded_items = lines_field(
        _("不适用商品"), _("写法同上；其金额不计入用券金额"), read=goods_of, wrong=GOODS_WRONG
    )
    excluded_goods = _chosen(
        _("不适用商品类别"), _goods_choices, _("其金额不计入用券金额；不选则都计入")
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Ask the same about the purchase that a return voucher is given for."""
        super().__init__(*args, **options)
        for name in scope_names(OF_PURCHASE):
            field = deepcopy(self.base_fields[name.removeprefix(OF_PURCHASE)])
            field.label = _LABELS_OF_PURCHASE[name.removeprefix(OF_PURCHASE)]
            self.fields[name] = field
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any] | None:
        """Refuse to say where purchases count if no voucher is given for any."""
        cleaned = super().clean() or self.cleaned_data
        scope = scope_plain(cleaned, {}, OF_PURCHASE)
        if "trigger" in cleaned and not cleaned["trigger"] and scope != NOT_RESTRICTED:
            self.add_error("trigger", gettext("填写了所购消费的范围，须填写返券条件"))
        return cleaned
