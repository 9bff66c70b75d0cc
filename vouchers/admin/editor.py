"""Batches on the draft page of a campaign, as forms."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanWidget,
)

from campaigns.admin.editor_forms import choice_field, moment_field, text_field
from campaigns.admin.editor_sections import EditorSection, editor_section_register
from campaigns.admin.forms import YuanField
from merchants.models import Merchant
from vouchers.admin.editor_audience import AudienceForm, audience_options
from vouchers.admin.editor_device import DeviceForm
from vouchers.admin.editor_rows import batches_initial, batches_plain
from vouchers.admin.editor_text import (
    cap_of,
    filled,
    goods_of,
    hours_of,
    item_of,
    limit_of,
    part_of,
    release_of,
    tier_of,
    trigger_of,
)
from vouchers.definition.checks import ISSUED
from vouchers.rules.flows import FLOWS
from vouchers.rules.limit_words import issuing_words
from vouchers.rules.model import IssuingName, TierName

FLOW_CHOICES = [(code, _(said.zh)) for code, said in FLOWS.items()]
TIER_CHOICES = [one for one in Merchant.Tier.choices if one[0] in get_args(TierName)]
VALIDITY = (
    ("HOURS", _("领取后若干小时")),
    ("CLAIM_DAY", _("领取当日")),
    ("NATURAL_DAYS", _("含领取日的若干自然日")),
    ("NATURAL_DAYS_FROM_NEXT", _("次日起若干自然日")),
    ("MONTH_END", _("领取当月月底")),
    ("ROUND_END", _("领取所在使用周期结束")),
    ("CAMPAIGN_END", _("至活动结束")),
    ("FIXED_WINDOW", _("固定有效期")),
)
REFUNDS = (
    ("PRO_RATA_KEEP_USED", _("按比例退还；期内全额退款退回消费券")),
    ("ALWAYS_CONSUMED", _("按比例退还；消费券一律视为已用")),
    ("OWN_MONEY_FIRST", _("先退自付部分，再退补贴部分")),
    ("CASH_ONLY", _("仅退自付部分，不退补贴")),
    ("QUOTA_CONSUMED", _("按比例退还；全额退款消费券作废、次数不恢复")),
)
LIMIT = "per-day CLAIM CAMPAIGN DAY 1 DOCUMENT,MOBILE,DEVICE"


def issuing_choices() -> list[tuple[str, str]]:
    """Offer every way of issuing, and say which ones the platform does not carry out yet."""
    return [
        (code, words if code in ISSUED else gettext("%(issuing)s（尚未开通）") % {"issuing": words})
        for code, words in ((code, issuing_words(code)) for code in get_args(IssuingName))
    ]


def _lines(label: Any, help_text: Any, rows: int, **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=200_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": rows}),
        **options,
    )


class BatchForm(DeviceForm, AudienceForm):
    """A batch: what it gives, who pays, when it opens, what it allows."""

    code = text_field(_("批次代码"), max_length=40)
    name = text_field(_("批次名称"), help_text=_("如：满100减30"))
    units = forms.IntegerField(
        label=_("计划张数"), min_value=1, widget=UnfoldAdminIntegerFieldWidget
    )
    face_fen = YuanField(label=_("面额（元）"))
    benefit = choice_field(
        _("优惠方式"),
        (
            ("THRESHOLD", _("满减券")),
            ("NO_THRESHOLD", _("无门槛券")),
            ("PERCENTAGE", _("折扣券")),
            ("RANDOM", _("随机立减")),
            ("TIERS", _("阶梯满减券")),
            ("EXCHANGE", _("兑换券")),
            ("PACK", _("券包")),
        ),
    )
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
    tiers = _lines(
        _("各档"),
        _("阶梯满减券填写，每行：起点 补贴（元），如 100000 5000；面额为最高档补贴"),
        2,
        required=False,
    )
    item = text_field(
        _("兑换商品"),
        required=False,
        help_text=_("兑换券填写：商品编码 件数 名称，如 6901234567892 1 五常大米；面额为最高抵扣"),
    )
    parts = _lines(
        _("券包内容"),
        _("券包填写，每行：批次代码 张数；所含批次的发放方式为“随券包发放”，面额为各券之和"),
        2,
        required=False,
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
    funders = text_field(
        _("出资比例"),
        max_length=400,
        help_text=_("出资方代码:比例，以空格分隔，如 treasury:200 bank:70；券包不填"),
        required=False,
    )
    validity_mode = choice_field(_("有效期方式"), VALIDITY)
    validity_value = forms.IntegerField(
        label=_("小时数或天数"), required=False, min_value=0, widget=UnfoldAdminIntegerFieldWidget
    )
    validity_starts = choice_field(
        _("生效"), (("CLAIM", _("领取即生效")), ("NEXT_DAY", _("次日零点生效"))), initial="CLAIM"
    )
    fixed_from = moment_field(_("固定有效期或首个周期开始"), required=False)
    fixed_until = moment_field(_("固定有效期结束（不含）"), required=False)
    stores = _lines(_("适用门店"), _("门店编号，以空格或换行分隔；空则不限"), 2, required=False)
    brands = text_field(
        _("适用品牌"),
        required=False,
        max_length=2_100,
        help_text=_("品牌代码，以空格分隔；空则不限"),
    )
    use_tiers = forms.MultipleChoiceField(
        label=_("适用商户分级"),
        choices=TIER_CHOICES,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("不选则不限；有财政资金的批次不得选择"),
    )
    items = _lines(
        _("适用商品"),
        _("每行：商品 编码 名称，或 类别 编码 名称；只有这些商品的金额计入用券金额，空则不限"),
        2,
        required=False,
    )
    excluded_items = _lines(_("不适用商品"), _("写法同上；其金额不计入用券金额"), 2, required=False)
    hours = _lines(
        _("可用时段"),
        _("每行：开始-结束 [星期]，如 18:00-24:00 5,6,7；空则不限"),
        2,
        required=False,
    )
    flows = forms.MultipleChoiceField(
        label=_("使用方式"),
        choices=FLOW_CHOICES,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("不选则不限"),
    )
    card_bins = text_field(
        _("卡号开头"), required=False, help_text=_("以空格分隔，如 62；空则不限")
    )
    at_claim = forms.BooleanField(
        label=_("领取时须在活动地区内定位"), required=False, widget=UnfoldBooleanWidget
    )
    at_use = forms.BooleanField(
        label=_("使用时须在活动地区内定位"), required=False, widget=UnfoldBooleanWidget
    )
    issuing = choice_field(_("发放方式"), issuing_choices, initial="CLAIM")
    refund_policy = choice_field(
        _("退款政策"),
        REFUNDS,
        initial="PRO_RATA_KEEP_USED",
        help_text=_("仅退自付的政策不追回补贴，须分管领导签批"),
    )
    limits = _lines(
        _("限领限用"),
        _(
            "每行：代码 环节(CLAIM/REDEMPTION) 范围(CAMPAIGN/GROUP/BATCH) "
            "周期(DAY/WEEK/MONTH/WAVE/TOTAL) 次数 标识"
        ),
        2,
        initial=LIMIT,
        required=False,
    )
    caps = _lines(
        _("投放上限"),
        _(
            "所有人合计，每行：代码 范围(CAMPAIGN/GROUP/BATCH) 周期(DAY/WEEK) 份数 金额（元）；"
            "不限的一项写 -"
        ),
        2,
        required=False,
    )
    trigger = text_field(
        _("返券条件"),
        required=False,
        help_text=_(
            "消费返券填写：来源(REDEMPTION/TRANSACTION) 起点（元） 上限（元，不限写 -） "
            "[批次代码…]，"
            "如 REDEMPTION 300 - b1；适用商户等范围在方案文件中填写"
        ),
    )
    audience = choice_field(
        _("定向人群"),
        (),
        required=False,
        help_text=_("须先登记人群并批准名单，活动方可上线；领取时以生效的名单为准"),
    )
    contact = text_field(
        _("名单申请处"),
        required=False,
        max_length=80,
        help_text=_("符合条件但不在名单内的人到哪里申请，如：户籍所在地社区服务中心；可不填"),
    )
    group = text_field(
        _("所属组"),
        required=False,
        max_length=20,
        help_text=_("如：餐饮；同组各券可合计限领，空则不归组"),
    )
    conflicts = text_field(
        _("不可同享的组"),
        required=False,
        max_length=400,
        help_text=_("以空格分隔；双方都须写明"),
    )
    releases = _lines(
        _("投放计划"),
        _(
            "每行：日期 时间 张数 [截止日期 截止时间] [渠道代码:专用张数…] [回流 日期 时间]，如 "
            "2026-03-06 08:00 600 ysf:200 desk:50 回流 2026-03-06 20:00：600 张中云闪付专用"
            " 200 张、服务台专用 50 张，其余不限渠道，20:00 未领的专用张数转为不限渠道，"
            "不写回流则一直专用；随券包发放的不填"
        ),
        4,
        required=False,
    )

    def clean(self) -> dict[str, Any] | None:
        """Ask for the rate of a percentage, for tiers, and for what is in a pack."""
        cleaned = super().clean()
        if self.cleaned_data.get("benefit") == "PERCENTAGE" and not self.cleaned_data.get("rate"):
            self.add_error("rate", gettext("折扣券须填写减免比例"))
        if self.cleaned_data.get("benefit") == "TIERS" and not self.cleaned_data.get("tiers"):
            self.add_error("tiers", gettext("阶梯满减券须填写各档"))
        if self.cleaned_data.get("benefit") == "EXCHANGE" and not self.cleaned_data.get("item"):
            self.add_error("item", gettext("兑换券须填写商品"))
        if self.cleaned_data.get("benefit") == "PACK" and not self.cleaned_data.get("parts"):
            self.add_error("parts", gettext("券包须填写内容"))
        return cleaned

    def clean_funders(self) -> dict[str, int]:
        """Read the weights."""
        try:
            pairs = [one.split(":") for one in self.cleaned_data["funders"].split()]
            return {code: int(weight) for code, weight in pairs}
        except ValueError as error:
            raise ValidationError(gettext("应为 代码:比例，比例为整数")) from error

    def clean_tiers(self) -> list[dict[str, Any]]:
        """Read the tiers."""
        try:
            return [tier_of(line.split()) for line in filled(self.cleaned_data["tiers"])]
        except ValueError as error:
            raise ValidationError(gettext("每行应为：起点 补贴，金额最多两位小数")) from error

    def clean_item(self) -> dict[str, Any]:
        """Read what is exchanged."""
        try:
            text = self.cleaned_data["item"]
            return item_of(text) if text.strip() else {}
        except ValueError as error:
            raise ValidationError(gettext("应为：商品编码 件数 名称")) from error

    def clean_parts(self) -> list[dict[str, Any]]:
        """Read what is in a pack."""
        try:
            return [part_of(line.split()) for line in filled(self.cleaned_data["parts"])]
        except ValueError as error:
            raise ValidationError(gettext("每行应为：批次代码 张数")) from error

    def clean_hours(self) -> list[dict[str, Any]]:
        """Read the hours of use."""
        try:
            return [hours_of(line.split()) for line in filled(self.cleaned_data["hours"])]
        except ValueError as error:
            raise ValidationError(gettext("每行应为：开始-结束 [星期1至7]")) from error

    def clean_items(self) -> list[dict[str, Any]]:
        """Read the goods that count."""
        return self._goods("items")

    def clean_excluded_items(self) -> list[dict[str, Any]]:
        """Read the goods that do not."""
        return self._goods("excluded_items")

    def _goods(self, name: str) -> list[dict[str, Any]]:
        try:
            return [goods_of(line) for line in filled(self.cleaned_data[name])]
        except ValueError as error:
            raise ValidationError(gettext("每行应为：商品 编码 名称，或 类别 编码 名称")) from error

    def clean_limits(self) -> list[dict[str, Any]]:
        """Read the limits."""
        try:
            return [limit_of(line.split()) for line in filled(self.cleaned_data["limits"])]
        except ValueError as error:
            raise ValidationError(gettext("每行应有六项，次数为整数")) from error

    def clean_caps(self) -> list[dict[str, Any]]:
        """Read the caps."""
        try:
            return [cap_of(line.split()) for line in filled(self.cleaned_data["caps"])]
        except ValueError as error:
            raise ValidationError(gettext("每行应有五项，份数为整数，金额为元")) from error

    def clean_trigger(self) -> dict[str, Any] | None:
        """Read what a return voucher is given for."""
        words = self.cleaned_data["trigger"].split()
        if not words:
            return None
        try:
            return trigger_of(words)
        except ValueError as error:
            raise ValidationError(gettext("应为：来源 起点 上限 [批次代码…]，金额为元")) from error

    def clean_releases(self) -> list[dict[str, Any]]:
        """Read the waves."""
        try:
            return [release_of(line.split()) for line in filled(self.cleaned_data["releases"])]
        except ValueError as error:
            raise ValidationError(
                gettext(
                    "每行应为：日期 时间 张数 [截止日期 截止时间] [渠道:张数…] [回流 日期 时间]"
                )
            ) from error


BATCHES = EditorSection(
    name="batches",
    title=_("券批次"),
    form=BatchForm,
    initial=batches_initial,
    plain=batches_plain,
    form_options=audience_options,
)
editor_section_register(BATCHES)
