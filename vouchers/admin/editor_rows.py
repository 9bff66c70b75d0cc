"""A batch of the plain document as a row of the draft page's forms, and back."""

from copy import deepcopy
from typing import Any

from campaigns.admin.editor_forms import moment_text
from campaigns.admin.editor_sections import Rows
from core.canonical import to_plain
from core.money import yuan_text
from vouchers.admin.editor_audience import audience_shown
from vouchers.admin.editor_device import device_shown
from vouchers.admin.editor_text import (
    LIMIT_FIELDS,
    benefit_plain,
    benefit_shown,
    cap_words,
    goods_words,
    hours_words,
    release_words,
    trigger_words,
)

FIXED = ("fixed_from", "fixed_until")
ITEMS = ("items", "excluded_items")
WORDS = ("stores", "brands", "card_bins")
"""Rules of use that are written as words with spaces between."""


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
    return {
        "code": batch["code"],
        "name": batch["name"],
        "units": batch["units"],
        "face_fen": yuan_text(batch["face_fen"]),
        **benefit_shown(rules["benefit"]),
        "funders": " ".join(f"{code}:{weight}" for code, weight in batch["funders"].items()),
        "validity_mode": rules["validity"]["mode"],
        "validity_value": rules["validity"]["value"],
        "validity_starts": rules["validity"].get("starts", "CLAIM"),
        **{name: moment_text(rules["validity"][name]) for name in FIXED if rules["validity"][name]},
        "hours": "\n".join(hours_words(hours) for hours in rules["use"].get("hours", ())),
        "flows": rules["use"]["flows"],
        "use_tiers": rules["use"].get("tiers", ()),
        **{name: " ".join(rules["use"].get(name, ())) for name in WORDS},
        **{
            name: "\n".join(goods_words(rule) for rule in rules["use"].get(name, ()))
            for name in ITEMS
        },
        "at_claim": rules["location"]["at_claim"],
        "at_use": rules["location"]["at_use"],
        "limits": "\n".join(
            " ".join(str(limit[name]) for name in LIMIT_FIELDS[:-1]) + " " + ",".join(limit["keys"])
            for limit in rules["limits"]
        ),
        "trigger": trigger_words(rules["trigger"]) if rules.get("trigger") else "",
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
    if any(batch.get(name) != row[name] for name in money):
        batch.pop("budget", None)
    batch |= {name: row[name] for name in ("code", "name", *money, "releases")}
    rules = batch.setdefault("rules", {})
    rules["benefit"] = benefit_plain(row)
    rules["validity"] = {
        **rules.get("validity", {}),
        "mode": row["validity_mode"],
        "value": row["validity_value"] or 0,
        "starts": row["validity_starts"],
        **{name: to_plain(row[name]) for name in FIXED},
    }
    rules["use"] = {
        **rules.get("use", {}),
        "hours": row["hours"],
        "flows": row["flows"],
        "tiers": row["use_tiers"],
        **{name: row[name].split() for name in WORDS},
        **{name: row[name] for name in ITEMS},
    }
    rules["location"] = {"at_claim": row["at_claim"], "at_use": row["at_use"]}
    rules["limits"], rules["caps"] = row["limits"], row["caps"]
    # Where and how the purchase counts is not on the form.
    old = rules.get("trigger") or {}
    rules["trigger"] = {**old, **row["trigger"]} if row["trigger"] else None
    rules["group"], rules["conflicts"] = row["group"], row["conflicts"].split()
    rules["audience"], rules["device"] = row["audience"], row["device"]
    rules["issuing"], rules["refund_policy"] = row["issuing"], row["refund_policy"]
    return batch
