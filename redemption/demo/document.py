"""The campaign of the 演示台: small, illustrative, with a wave at once and one every hour."""

from datetime import datetime, timedelta
from typing import Any

from core.clock import TIME_ZONE
from vouchers.rules.validity import day_start

CODE_PREFIX = "demo-bench"
DAYS = 7
FIRST_UNITS = 40
HOURLY_UNITS = 5
HOURS = 16
WEIGHTS = {"gx-treasury": 200, "gx-bank": 70, "gx-merchants": 30}
FUNDERS = (
    ("gx-treasury", "自治区财政", "PROVINCE", "PREFUNDED"),
    ("gx-bank", "合作银行", "BANK", "OPERATOR_ADVANCE"),
    ("gx-merchants", "参与商户让利", "MERCHANT", "MERCHANT_CONCESSION"),
)
TIERS = ((10_000, 3_000), (5_000, 1_000))
"""Threshold and face in fen."""
LIMIT = {
    "code": "per-day",
    "side": "CLAIM",
    "scope": "CAMPAIGN",
    "window": "DAY",
    "count": 1,
    "keys": ["DOCUMENT", "MOBILE", "DEVICE"],
}


def bench_document(*, now: datetime) -> dict[str, Any]:
    """Return the document of a bench campaign that starts at ``now`` and runs for a week."""
    starts = now.astimezone(TIME_ZONE).replace(second=0, microsecond=0)
    units = FIRST_UNITS + HOURLY_UNITS * HOURS
    total = sum(face for _, face in TIERS) * units
    return {
        "format": "xfq-campaign/1",
        "code": f"{CODE_PREFIX}-{starts:%m%d%H%M}",
        "title": "演示台体验活动（示意）",
        "owner_region": "450000",
        "regions": ["450000"],
        "starts_at": starts.isoformat(),
        "ends_at": day_start(starts, DAYS).isoformat(),
        "funders": [
            {
                "code": code,
                "name": name,
                "level": level,
                "mode": mode,
                "quota_fen": total * WEIGHTS[code] // sum(WEIGHTS.values()),
                "document": {"number": f"演示台示意〔{starts:%Y}〕", "year": starts.year},
            }
            for code, name, level, mode in FUNDERS
        ],
        "documents": [
            {"kind": kind, "number": "演示台示意", "date": f"{starts:%Y-%m-%d}"}
            for kind in (
                "PLAN_APPROVAL",
                "FAIR_COMPETITION",
                "LEGAL_REVIEW",
                "FUNDING",
                "OPERATOR_AGREEMENT",
            )
        ],
        "rules_text": "演示台专用，金额与规则均为示意。",
        "batches": [_batch(threshold, face, units, starts) for threshold, face in TIERS],
    }


def _batch(threshold_fen: int, face_fen: int, units: int, starts: datetime) -> dict[str, Any]:
    waves = [{"slot": starts.isoformat(), "units": FIRST_UNITS}]
    waves += [
        {"slot": (starts + timedelta(hours=hour)).isoformat(), "units": HOURLY_UNITS}
        for hour in range(1, HOURS + 1)
    ]
    return {
        "code": f"man-{threshold_fen // 100}-{face_fen // 100}",
        "name": f"满{threshold_fen // 100}减{face_fen // 100}",
        "face_fen": face_fen,
        "units": units,
        "funders": WEIGHTS,
        "releases": waves,
        "rules": {
            "benefit": {"type": "THRESHOLD", "threshold_fen": threshold_fen},
            "validity": {"mode": "HOURS", "value": 72},
            "limits": [LIMIT],
            "location": {"at_claim": True},
            "use": {"flows": ["MERCHANT_SCANS"], "card_bins": ["62"]},
        },
    }
