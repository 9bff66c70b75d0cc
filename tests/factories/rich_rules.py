"""A document whose first batch uses every rule there is; one example per kind of batch."""

from typing import Any

from tests.factories.definitions import document_make

BENEFITS: dict[str, dict[str, Any]] = {
    "THRESHOLD": {"type": "THRESHOLD", "threshold_fen": 10_000, "basis": "AFTER_DISCOUNTS"},
    "NO_THRESHOLD": {"type": "NO_THRESHOLD"},
    "PERCENTAGE": {
        "type": "PERCENTAGE",
        "rate_bp": 2_000,
        "threshold_fen": 5_000,
        "ceiling_fen": 600_000,
    },
    "TIERS": {
        "type": "TIERS",
        "tiers": [
            {"from_fen": 10_000, "subsidy_fen": 1_000},
            {"from_fen": 20_000, "subsidy_fen": 3_000},
        ],
    },
}
"""The benefit of the example, by the tag of the kind."""
BENEFITS["EXCHANGE"] = {
    "type": "EXCHANGE",
    "sku": "6901234567892",
    "name": "五常大米5kg",
    "quantity": 2,
}
BENEFITS["RANDOM"] = {"type": "RANDOM", "min_fen": 100, "threshold_fen": 10_000}
BENEFITS["RETURN"] = BENEFITS["THRESHOLD"]
"""No benefit of its own: given for a purchase."""
_GOODS = ("items", "excluded_items", "excluded_goods")
BENEFITS["PACK"] = {"type": "PACK", "parts": [{"batch": "inside", "quantity": 2}]}
STORES = tuple(f"45010300000{number}" for number in range(6))
"""More stores than the words name one by one."""
_ONLY_OF_PARTS = ("use", "refund_policy")

_KEYS = ["DOCUMENT", "MOBILE", "DEVICE"]
_WAVES = [
    *({"slot": f"2026-03-{day:02}T08:00:00+08:00", "units": 10} for day in (6, 13, 20)),
    {"slot": "2026-03-10T20:00:00+08:00", "units": 5, "closes_at": "2026-03-11T08:00:00+08:00"},
]


def _limit(code: str, **changes: Any) -> dict[str, Any]:
    rule = {"side": "CLAIM", "scope": "BATCH", "window": "DAY", "count": 1, "keys": _KEYS}
    return {"code": code, **rule, **changes}


def rich_document(kind: str) -> dict[str, Any]:
    """Return a valid document: a batch of ``kind`` with every rule, and one it is no use with."""
    document = document_make(
        rules_text="先到先得。\n请理性消费。",
        regions=["450100", "450200"],
        announced=[
            {"title": "亿元补贴", "mark": "下期", "figures": [{"label": "总量", "value": "1亿元"}]}
        ],
    )
    (plain,) = document["batches"]
    group = _limit("per-group", scope="GROUP", window="TOTAL", count=3)
    rich = plain | {
        "code": "rich",
        "name": "餐饮券",
        "units": 40,
        "releases": _WAVES,
        "rules": {
            "benefit": BENEFITS[kind],
            "validity": {"mode": "NATURAL_DAYS", "value": 7, "starts": "NEXT_DAY"},
            "limits": [
                _limit("per-day", scope="CAMPAIGN"),
                _limit("per-wave", window="WAVE"),
                group,
                _limit("per-month", side="REDEMPTION", window="MONTH", count=2),
            ],
            "use": {
                "hours": [
                    {"opens": "18:00", "closes": "02:00", "weekdays": [5, 6]},
                    {"opens": "10:00", "closes": "14:00"},
                ],
                "regions": ["450103"],
                "industries": ["CATERING", "LODGING"],
                "brands": ["youwei"],
                "stores": list(STORES),
                "flows": ["MERCHANT_SCANS", "CUSTOMER_SCANS"],
                "card_bins": ["62"],
                "items": [
                    {"sku": "6901234567892", "name": "五常大米5kg"},
                    {"category": "OIL", "name": "食用油"},
                ],
                "excluded_items": [{"sku": "6901234567899", "name": "试用装"}],
                "excluded_goods": ["STORED_VALUE", "TOBACCO"],
            },
            "location": {"at_claim": True, "at_use": True, "regions": ["450000", "440000"]},
            "caps": [
                {"code": "day", "scope": "CAMPAIGN", "units": 30, "amount_fen": 90_000},
            ],
            "audience": {"code": "seniors", "name": "老年人", "contact": "社区服务中心"},
            "device": {"persons": 8, "days": 7},
            "group": "餐饮",
            "conflicts": ["加油"],
            "refund_policy": "OWN_MONEY_FIRST",
        },
    }
    if kind == "EXCHANGE":
        rich["rules"]["use"] = {
            name: rule for name, rule in rich["rules"]["use"].items() if name not in _GOODS
        }
    if kind == "RANDOM":
        rich["rules"]["issuing"] = "PAYMENT"
        rich["rules"]["validity"] = {"mode": "NATURAL_DAYS", "value": 7}
    if kind == "RETURN":
        rich["rules"] |= {
            "issuing": "RETURN",
            "location": {"at_use": True},
            "trigger": {
                "source": "REDEMPTION",
                "from_fen": 20_000,
                "below_fen": 50_000,
                "batches": [{"batch": "fuel"}],
                "use": {"industries": ["CATERING"], "flows": ["MERCHANT_SCANS"]},
            },
        }
    other = plain | {
        "code": "fuel",
        "name": "加油券",
        "units": 10,
        "releases": [{"slot": "2026-03-06T08:00:00+08:00", "units": 10}],
        "rules": plain["rules"]
        | {
            "limits": [_limit("per-day", scope="CAMPAIGN")],
            "caps": rich["rules"]["caps"],
            "group": "加油",
            "conflicts": ["餐饮"],
        },
    }
    document["batches"] = [rich, other, *_inside(rich, plain)] if kind == "PACK" else [rich, other]
    return document


def _inside(pack: dict[str, Any], plain: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the pack is made of; what only a voucher can have is taken from the pack."""
    pack |= {"funders": {}, "face_fen": 2 * plain["face_fen"]}
    rules = pack["rules"] = {
        name: rule for name, rule in pack["rules"].items() if name not in _ONLY_OF_PARTS
    }
    rules["location"] = {"at_claim": True}
    rules["limits"] = [limit for limit in rules["limits"] if limit["side"] == "CLAIM"]
    inside = {name: value for name, value in plain.items() if name not in ("releases", "budget")}
    return [
        inside
        | {
            "code": "inside",
            "name": "满100减30",
            "units": 2 * pack["units"],
            "rules": plain["rules"] | {"limits": [], "issuing": "PACK"},
        }
    ]
