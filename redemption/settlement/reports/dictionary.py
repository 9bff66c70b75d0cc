"""The metric dictionary (口径): one definition per figure; docs/metrics.md says the same."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure: its key, its name on every page, and what exactly it counts."""

    key: str
    name: str
    definition: str


METRICS: tuple[Metric, ...] = (
    Metric("released", "投放", "期间开启的投放张数（减同期收回的未领张数），金额为面额合计。"),
    Metric("claimed", "领取", "期间发到个人的消费券张数，金额为面额合计。"),
    Metric(
        "redeemed",
        "核销",
        "期间确认的核销减同期撤销的张数；金额为核销时补贴（各方合计）减撤销，退款另列。",
    ),
    Metric("rate_by_count", "核销率（按张数）", "核销张数 ÷ 领取张数。"),
    Metric("rate_by_amount", "核销率（按金额）", "核销金额 ÷ 领取金额。"),
    Metric(
        "order_net",
        "直接带动额",
        "已核销支付的订单金额合计，减撤销和退款的订单金额；不含间接带动。",
    ),
    Metric(
        "leverage_government",
        "财政撬动比",
        "直接带动额 ÷ 财政承担的核销补贴，分子分母均为减撤销和退款后的净额。",
    ),
    Metric(
        "leverage_all",
        "综合撬动比",
        "直接带动额 ÷ 各方承担的核销补贴合计，分子分母均为减撤销和退款后的净额。",
    ),
    Metric("leverage_issued", "撬动比（按发券额）", "直接带动额 ÷ 领取金额。"),
    Metric("persons", "惠及人数", "有有效核销的自然人数，按实名证件去重，跨渠道只计一次。"),
    Metric("person_times", "惠及人次", "有效核销笔数（未撤销的支付），一人核销几笔计几次。"),
    Metric("claimants", "领取人数", "领取过消费券的自然人数，按实名证件去重。"),
    Metric("merchants_active", "有核销商户", "有有效核销的商户数，按统一社会信用代码。"),
    Metric("stores_active", "有核销门店", "有有效核销的门店数，跨收单机构去重。"),
    Metric("cancels", "撤销", "日切前整笔撤销的支付笔数，金额为补贴。"),
    Metric("refunds", "退款", "退款笔数，金额为退回的补贴。"),
    Metric("expired", "过期", "期间到期未用并已清理的张数，金额为面额。"),
    Metric("quota", "批复", "资金文件批复给本活动的预算额度。"),
    Metric("received", "到账", "已登记并复核的到账资金。"),
    Metric("advanced", "垫付", "垫付方已支付、尚未归还的金额。"),
    Metric("settled", "已结算", "银行已付款的结算金额。"),
    Metric("pending", "待结算", "应付、结算中和划付在途的金额。"),
    Metric("frozen", "冻结", "风险核查冻结的应付金额。"),
    Metric("left", "结余", "尚未核销的额度：可用、已分配、已投放、已领取、占用与保留。"),
)
BY_KEY = {metric.key: metric for metric in METRICS}
