"""A pack as Hangzhou gave it in 2022: 2 × 满20减5, 2 × 满40减10, 1 × 满80减20."""

from typing import Any

from tests.factories.definitions import document_make

PARTS = ((500, 2_000, 2), (1_000, 4_000, 2), (2_000, 8_000, 1))
"""Face and threshold in fen, and how many are in a pack."""
FUNDERS = {"treasury": 200, "bank": 70, "merchants": 30}
ONE_EACH = {
    "code": "one",
    "side": "CLAIM",
    "scope": "BATCH",
    "window": "TOTAL",
    "count": 1,
    "keys": ["DOCUMENT", "MOBILE"],
}


def pack_document(packs: int = 10) -> dict[str, Any]:
    """Return a valid document with ``packs`` packs of 50.00, six of them in the first wave."""
    parts = [
        {
            "code": f"man-{threshold // 100}",
            "name": f"满{threshold // 100}减{face // 100}",
            "face_fen": face,
            "units": packs * quantity,
            "funders": FUNDERS,
            "rules": {
                "benefit": {"type": "THRESHOLD", "threshold_fen": threshold},
                "validity": {"mode": "HOURS", "value": 72},
                "limits": [],
                "issuing": "PACK",
            },
        }
        for face, threshold, quantity in PARTS
    ]
    pack = {
        "code": "pack",
        "name": "数字消费券包",
        "face_fen": 5_000,
        "units": packs,
        "rules": {
            "benefit": {
                "type": "PACK",
                "parts": [
                    {"batch": part["code"], "quantity": quantity}
                    for part, (_, _, quantity) in zip(parts, PARTS, strict=True)
                ],
            },
            "validity": {"mode": "HOURS", "value": 72},
            "limits": [ONE_EACH],
        },
        "releases": [
            {"slot": "2026-03-06T08:00:00+08:00", "units": 6},
            {"slot": "2026-03-13T08:00:00+08:00", "units": packs - 6},
        ],
    }
    return document_make(batches=[pack, *parts])
