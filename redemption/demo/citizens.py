"""Made-up citizens for the demonstration; nobody can have their numbers."""

import random
import secrets
from typing import Any

from stdnum.cn import ric

NOWHERE = "459900"
"""A region code that no county has."""
SURNAMES = "韦黄陆覃莫蒙农梁罗谭李卢"
GIVEN = "春夏秋冬山水花月星云"
TAKEN_BY_REHEARSAL = 5
"""Sequence numbers below are used by the rehearsal's own people."""


def citizen_make() -> dict[str, Any]:
    """Return a new citizen as a channel app knows him: raw numbers, all made up."""
    chance = random.Random(secrets.randbits(64))  # noqa: S311 - a made-up person, not a secret
    born = f"{chance.randint(1955, 2004)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    body = f"{NOWHERE}{born}{chance.randint(TAKEN_BY_REHEARSAL, 999):03d}"
    number = f"{chance.randint(0, 99_999_999):08d}"
    return {
        "name": f"{chance.choice(SURNAMES)}{chance.choice(GIVEN)}（示意）",
        "external_id": f"demo-{secrets.token_hex(8)}",
        "document": body + str(ric.calc_check_digit(f"{body}0")),
        "mobile": f"198{number}",
        "device": f"phone-{secrets.token_hex(8)}",
        "region_code": "450103",
    }
