"""Batches on the draft page of a campaign, as forms."""

from __future__ import annotations

from typing import Any, get_args

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanWidget

from campaigns.admin.editor_forms import choice_field, moment_field, text_field
from campaigns.admin.editor_sections import EditorSection, editor_section_register
from campaigns.admin.forms import YuanField
from vouchers.admin.editor_audience import AudienceForm, audience_options
from vouchers.admin.editor_benefit import BenefitForm
from vouchers.admin.editor_device import DeviceForm
from vouchers.admin.editor_fields import ReadField, lines_field, typed, words_field
from vouchers.admin.editor_plan import calendar_of, release_of
from vouchers.admin.editor_rows import batches_initial, batches_plain
from vouchers.admin.editor_scope import OF_PURCHASE, ScopeForm, scope_names
from vouchers.admin.editor_text import budget_of, cap_of, funders_of, limit_of, trigger_of
from vouchers.definition.checks import ISSUED, MAX_HOLD_S
from vouchers.rules.limit_words import issuing_words
from vouchers.rules.model import IssuingName

LEFTOVERS = (
    ("KEEP", _("留在本批次，至活动结算或另行报批")),
    ("NEXT_WAVE", _("并入本批次下一轮投放")),
)
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


def _seconds(label: Any, initial: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=1,
        max_value=MAX_HOLD_S,
        initial=initial,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class BatchForm(BenefitForm, ScopeForm, DeviceForm, AudienceForm):
    """A batch: what it gives, who pays, when it opens, what it allows."""

    code = text_field(_("批次代码"), max_length=40)
    name = text_field(_("批次名称"), help_text=_("如：满100减30"))
    units = forms.IntegerField(
        label=_("计划张数"), min_value=1, widget=UnfoldAdminIntegerFieldWidget
    )
    face_fen = YuanField(label=_("面额（元）"))
    funders = ReadField(
        label=_("出资比例"),
        help_text=_("出资方代码:比例，以空格分隔，如 treasury:200 bank:70；券包不填"),
        required=False,
        read=typed(funders_of),
        wrong=_("应为 代码:比例，比例为整数"),
    )
    budget = ReadField(
        label=_("批次预算（元）"),
        required=False,
        help_text=_(
            "出资方代码:金额，以空格分隔；空则按面额与张数计算，改面额、张数或比例时重新计算"
        ),
        read=typed(budget_of),
        wrong=_("应为 代码:金额，金额最多两位小数"),
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
    realname = forms.BooleanField(
        label=_("须实名认证后领取"), required=False, initial=True, widget=UnfoldBooleanWidget
    )
    at_claim = forms.BooleanField(
        label=_("领取时须提供位置"), required=False, widget=UnfoldBooleanWidget
    )
    at_use = forms.BooleanField(
        label=_("使用时须提供位置"), required=False, widget=UnfoldBooleanWidget
    )
    location_regions = words_field(
        _("位置所在地区"), _("六位行政区划代码，以空格分隔，可大于或不同于活动地区；空则为活动地区")
    )
    hold_seconds_till = _seconds(_("到店付款占用时长（秒）"), 120)
    hold_seconds_online = _seconds(_("线上付款占用时长（秒）"), 900)
    issuing = choice_field(_("发放方式"), issuing_choices, initial="CLAIM")
    refund_policy = choice_field(
        _("退款政策"),
        REFUNDS,
        initial="PRO_RATA_KEEP_USED",
        help_text=_("仅退自付的政策不追回补贴，须分管领导签批"),
    )
    leftover = choice_field(_("结余额度"), LEFTOVERS, initial="KEEP")
    limits = lines_field(
        _("限领限用"),
        _(
            "每行：代码 环节(CLAIM/REDEMPTION) 范围(CAMPAIGN/GROUP/BATCH) "
            "周期(DAY/WEEK/MONTH/WAVE/TOTAL) 次数 标识 [过期退回]；标识为 DOCUMENT 证件、"
            "MOBILE 手机号、DEVICE 设备、CARD 银行卡、ACCOUNT 渠道账户，多个以逗号相连"
        ),
        initial=LIMIT,
        read=typed(limit_of),
        wrong=_("每行应有六项，次数为整数；第七项只可为“过期退回”"),
    )
    caps = lines_field(
        _("投放上限"),
        _(
            "所有人合计，每行：代码 范围(CAMPAIGN/GROUP/BATCH) 周期(DAY/WEEK) 份数 金额（元）；"
            "不限的一项写 -"
        ),
        read=typed(cap_of),
        wrong=_("每行应有五项，份数为整数，金额为元"),
    )
    trigger = ReadField(
        label=_("返券条件"),
        required=False,
        read=typed(trigger_of),
        wrong=_("应为：来源 起点 上限 [批次代码…]，金额为元"),
        help_text=_(
            "消费返券填写：来源(REDEMPTION/TRANSACTION) 起点（元） 上限（元，不限写 -） "
            "[批次代码…]，"
            "如 REDEMPTION 300 - b1；哪些消费计入，在标有（返券）的各项填写"
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
    conflicts = words_field(_("不可同享的组"), _("以空格分隔；双方都须写明"))
    releases = lines_field(
        _("投放计划"),
        _(
            "每行：日期 时间 张数 [截止日期 截止时间] [渠道代码:专用张数…] [回流 日期 时间]，如 "
            "2026-03-06 08:00 600 ysf:200 desk:50 回流 2026-03-06 20:00：600 张中云闪付专用"
            " 200 张、服务台专用 50 张，其余不限渠道，20:00 未领的专用张数转为不限渠道，"
            "不写回流则一直专用；随券包发放的不填"
        ),
        4,
        read=typed(release_of),
        wrong=_("每行应为：日期 时间 张数 [截止日期 截止时间] [渠道:张数…] [回流 日期 时间]"),
    )

    calendar = ReadField(
        label=_("按日历投放"),
        required=False,
        help_text=_(
            "代替投放计划，保存后展开为各次投放：时点 总张数 [星期 5,6] [日期 2026-03-18,…] "
            "[规则 FREQ=MONTHLY;BYMONTHDAY=18] [时长 小时数] [渠道代码:专用张数…] [回流 小时数]，"
            "如 10:00,20:00 600 星期 5,6,7 时长 4：每周五至周日两场均分 600 张，各开放 4 小时"
        ),
        read=typed(calendar_of),
        wrong=_(
            "应为：时点 总张数 [星期 …] [日期 …] [规则 …] [时长 小时数] [渠道:张数…] [回流 小时数]"
        ),
    )

    field_order = (
        *("code", "name", "units", "face_fen"),
        *BenefitForm.base_fields,
        *("funders", "budget", "validity_mode", "validity_value", "validity_starts"),
        *("fixed_from", "fixed_until"),
        *scope_names(),
        *("realname", "at_claim", "at_use", "location_regions"),
        *(
            "hold_seconds_till",
            "hold_seconds_online",
            "issuing",
            "leftover",
            "refund_policy",
            "limits",
            "caps",
            "trigger",
        ),
        *scope_names(OF_PURCHASE),
    )
    """The others follow as they are written here."""


BATCHES = EditorSection(
    name="batches",
    title=_("券批次"),
    row=_("第 %(number)s 批"),
    form=BatchForm,
    initial=batches_initial,
    plain=batches_plain,
    form_options=audience_options,
)
editor_section_register(BATCHES)
