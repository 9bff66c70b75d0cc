"""Published records of real programmes (campaigns/data; conventions in the file itself)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "data" / "published_campaigns.json"


@cache
def published_records() -> dict[str, dict[str, Any]]:
    """Return every record by its id; figures are as published, money in integer yuan."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return {record["id"]: record for record in content["campaigns"]}
