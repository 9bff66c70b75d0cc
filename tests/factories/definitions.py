"""Campaign documents as a maker would write them, for tests of loading, approval and release."""

from copy import deepcopy
from typing import Any

from tests.factories.merchants import PROVINCE

_LIMIT = {
    "code": "per-day",
    "side": "CLAIM",
    "scope": "CAMPAIGN",
    "window": "DAY",
    "count": 1,
    "keys": ["DOCUMENT", "MOBILE", "DEVICE"],
}
_RULES = {
    "benefit": {"type": "THRESHOLD", "threshold_fen": 10_000},
    "validity": {"mode": "HOURS", "value": 72},
    "limits": [_LIMIT],
}
_DOCUMENT: dict[str, Any] = {
    "format": "xfq-campaign/1",
    "code": "spring-2026",
    "title": "春季消费券",
    "owner_region": PROVINCE,
    "regions": [PROVINCE],
    "starts_at": "2026-03-06T00:00:00+08:00",
    "ends_at": "2026-04-01T00:00:00+08:00",
    "funders": [
        {
            "code": "treasury",
            "name": "自治区财政",
            "level": "PROVINCE",
            "mode": "PREFUNDED",
            "quota_fen": 200_000,
            "document": {"number": "桂财〔2026〕1号", "year": 2026},
        },
        {
            "code": "bank",
            "name": "合作银行",
            "level": "BANK",
            "mode": "OPERATOR_ADVANCE",
            "quota_fen": 70_000,
            "document": {"number": "协议1号", "year": 2026},
        },
        {
            "code": "merchants",
            "name": "商户让利",
            "level": "MERCHANT",
            "mode": "MERCHANT_CONCESSION",
            "quota_fen": 30_000,
            "document": {"number": "承诺书1号", "year": 2026},
        },
    ],
    "documents": [
        {"kind": kind, "number": f"{kind}-1", "date": "2026-02-10"}
        for kind in ("PLAN_APPROVAL", "FAIR_COMPETITION", "LEGAL_REVIEW", "FUNDING")
    ],
    "batches": [
        {
            "code": "b1",
            "name": "满100减30",
            "face_fen": 3_000,
            "units": 100,
            "funders": {"treasury": 200, "bank": 70, "merchants": 30},
            "rules": _RULES,
            "releases": [
                {"slot": "2026-03-06T08:00:00+08:00", "units": 60},
                {"slot": "2026-03-13T08:00:00+08:00", "units": 40},
            ],
        }
    ],
}


def capped_document(**cap: Any) -> dict[str, Any]:
    """Return a document of two batches, faces 30.00 and 10.00, under one cap of all people.

    Both may be claimed often, from Friday 08:00 to the end of the campaign; 75 units each.
    """
    document = document_make()
    (first,) = document["batches"]
    first["rules"]["limits"][0] |= {"count": 50, "scope": "BATCH", "window": "TOTAL"}
    first["rules"]["caps"] = [{"code": "day", "scope": "CAMPAIGN", **cap}]
    first["units"] = 75
    first["releases"] = [{"slot": "2026-03-06T08:00:00+08:00", "units": 75}]
    second = deepcopy(first) | {"code": "b2", "name": "满50减10", "face_fen": 1_000}
    second["rules"]["benefit"] = {"type": "THRESHOLD", "threshold_fen": 5_000}
    document["batches"].append(second)
    return document


def document_make(**changes: Any) -> dict[str, Any]:
    """Return a valid document: one batch 满100减30, 100 units in two waves, three funders.

    ``changes`` replace top-level fields; a test alters the copy it gets as it likes.
    """
    return deepcopy({**_DOCUMENT, **changes})
