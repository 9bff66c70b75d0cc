"""The operations of API v1 (api.md, Operations) by the names a client's allow-list uses."""

from typing import Final

from core.access.models import Client

OPERATIONS: Final[dict[str, str]] = {
    "persons.register": "登记或更新渠道用户",
    "campaigns.read": "查询活动",
    "batches.read": "查询可领批次",
    "claims.create": "领取",
    "claims.read": "查询领取结果",
    "vouchers.read": "查询消费券",
    "payment_codes.create": "生成付款码",
    "stores.read": "查询适用门店",
    "redemptions.quote": "试算",
    "redemptions.hold": "占用（锁券）",
    "redemptions.confirm": "核销确认",
    "redemptions.release": "释放占用",
    "redemptions.cancel": "撤销",
    "redemptions.refund": "退款",
    "redemptions.read": "查询核销",
    "transactions.create": "上报交易",
    "lottery_entries.create": "摇号登记",
    "draws.read": "查询摇号结果",
    "statements.read": "下载结算单",
}

_CHANNEL: Final = (
    "persons.register",
    "campaigns.read",
    "batches.read",
    "claims.create",
    "claims.read",
    "vouchers.read",
    "payment_codes.create",
    "stores.read",
    "redemptions.quote",
    "redemptions.hold",
    "redemptions.confirm",
    "redemptions.release",
    "redemptions.cancel",
    "redemptions.refund",
    "redemptions.read",
    "transactions.create",
    "lottery_entries.create",
    "draws.read",
    "statements.read",
)
_TERMINAL: Final = (
    "campaigns.read",
    "stores.read",
    "redemptions.quote",
    "redemptions.hold",
    "redemptions.confirm",
    "redemptions.release",
    "redemptions.cancel",
    "redemptions.refund",
    "redemptions.read",
    "transactions.create",
    "statements.read",
)
USUAL_OPERATIONS: Final[dict[str, tuple[str, ...]]] = {
    Client.Kind.CHANNEL: _CHANNEL,
    Client.Kind.TERMINAL: _TERMINAL,
    Client.Kind.DESK: _CHANNEL,
}
"""What a new client of a kind is given unless its operator names less."""
