"""A batch of the plain document as a row of the draft page's forms, and back."""

from copy import deepcopy
from typing import Any

from campaigns.admin.editor_forms import moment_text
from campaigns.admin.editor_sections import Rows
from core.canonical import to_plain
from core.money import yuan_text
from vouchers.admin.editor_audience import audience_shown
from vouchers.admin.editor_device import device_shown
from vouchers.admin.editor_plan import release_words
from vouchers.admin.editor_scope import OF_PURCHASE, scope_plain, scope_shown
from vouchers.admin.editor_text import (
    benefit_plain,
    benefit_shown,
    budget_words,
    cap_words,
    funders_words,
    limit_words,
    trigger_words,
)

FIXED = ("fixed_from", "fixed_until")
PLAN = ("releases", "calendar")
HOLDS = {"hold_seconds_till": 120, "hold_seconds_online": 900}


def batches_initial(batches: list[dict[str, Any]]) -> Rows:
    """Return the batches of a document as the forms show them."""
    return [_shown(batch) for batch in batches]


def batches_plain(
    old: list[dict[str, Any]], rows: Rows, _document: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the plain section; what the form does not show is kept by the batch's code."""
    known = {batch["code"]: batch for batch in old}
    return [_plain(deepcopy(known.get(row["code"], {})), row) for row in rows]


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    rules = batch["rules"]
    trigger = rules.get("trigger") or {}
    return {
        "code": batch["code"],
        "name": batch["name"],
        "units": batch["units"],
        "face_fen": yuan_text(batch["face_fen"]),
        **benefit_shown(rules["benefit"]),
        "funders": funders_words(batch["funders"]),
        "budget": budget_words(batch.get("budget", {})),
        "validity_mode": rules["validity"]["mode"],
        "validity_value": rules["validity"]["value"],
        "validity_starts": rules["validity"].get("starts", "CLAIM"),
        **{name: moment_text(rules["validity"][name]) for name in FIXED if rules["validity"][name]},
        **scope_shown(rules["use"]),
        "realname": rules.get("realname", True),
        **{name: rules.get(name, default) for name, default in HOLDS.items()},
        "at_claim": rules["location"]["at_claim"],
        "at_use": rules["location"]["at_use"],
        "location_regions": " ".join(rules["location"].get("regions", ())),
        "leftover": rules.get("leftover", "KEEP"),
        "limits": "\n".join(limit_words(limit) for limit in rules["limits"]),
        "trigger": trigger_words(trigger) if trigger else "",
        **scope_shown(trigger.get("use", {}), OF_PURCHASE),
        "caps": "\n".join(cap_words(cap) for cap in rules.get("caps", ())),
        "issuing": rules.get("issuing", "CLAIM"),
        "refund_policy": rules["refund_policy"],
        **audience_shown(rules),
        "device": device_shown(rules),
        "group": rules.get("group", ""),
        "conflicts": " ".join(rules.get("conflicts", ())),
        "releases": "\n".join(release_words(release) for release in batch["releases"]),
    }


def _plain(batch: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    money = ("face_fen", "units", "funders")
    is_changed = any(batch.get(name) != row[name] for name in money)
    if is_changed and batch.get("budget", {}) == row["budget"]:
        # It was for other vouchers, and nobody has said another one.
        row = {**row, "budget": {}}
    batch |= {name: row[name] for name in ("code", "name", *money, "budget", *PLAN)}
    rules = batch.setdefault("rules", {})
    rules["benefit"] = benefit_plain(row)
    rules["validity"] = {
        **rules.get("validity", {}),
        "mode": row["validity_mode"],
        "value": row["validity_value"] or 0,
        "starts": row["validity_starts"],
        **{name: to_plain(row[name]) for name in FIXED},
    }
    rules["use"] = scope_plain(row, rules.get("use", {}))
    rules |= {name: row[name] for name in ("realname", *HOLDS)}
    rules["location"] = {
        "at_claim": row["at_claim"],
        "at_use": row["at_use"],
        "regions": row["location_regions"],
    }
    rules["leftover"] = row["leftover"]
    rules["limits"], rules["caps"] = row["limits"], row["caps"]
    use = (rules.get("trigger") or {}).get("use", {})
    rules["trigger"] = (
        {**row["trigger"], "use": scope_plain(row, use, OF_PURCHASE)} if row["trigger"] else None
    )
    rules["group"], rules["conflicts"] = row["group"], row["conflicts"]
    rules["audience"], rules["device"] = row["audience"], row["device"]
    rules["issuing"], rules["refund_policy"] = row["issuing"], row["refund_policy"]
    return batch
