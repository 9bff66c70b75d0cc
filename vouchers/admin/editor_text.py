"""Parts of a batch as the draft page writes them in lines of text, and read from them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from campaigns.definition.texts import line_feeds
from core.money import fen_from_yuan, yuan_text

NO_CAP = "-"
GOODS = {"商品": "sku", "类别": "category"}
"""What a line of goods begins with → what it names them by."""
GIVES_BACK = "过期退回"
"""What a line of limits ends with whose unused vouchers give their unit back."""
LIMIT_FIELDS = ("code", "side", "scope", "window", "count", "keys")


def benefit_shown(benefit: dict[str, Any]) -> dict[str, Any]:
    """Return a benefit as the fields of the form."""
    shown = {"benefit": benefit["type"]}
    if benefit["type"] == "PACK":
        lines = (f"{part['batch']} {part['quantity']}" for part in benefit["parts"])
        shown["parts"] = "\n".join(lines)
    elif benefit["type"] == "TIERS":
        shown["basis"] = benefit["basis"]
        shown["tiers"] = "\n".join(
            f"{yuan_text(tier['from_fen'])} {yuan_text(tier['subsidy_fen'])}"
            for tier in benefit["tiers"]
        )
    elif benefit["type"] == "EXCHANGE":
        shown["item"] = f"{benefit['sku']} {benefit['quantity']} {benefit['name']}"
    elif benefit["type"] != "NO_THRESHOLD":
        multiple, least = benefit.get("face_multiple"), benefit["threshold_fen"]
        shown |= {
            "threshold_fen": "" if multiple or not least else yuan_text(least),
            "face_multiple": multiple,
            "basis": benefit["basis"],
        }
    if benefit["type"] == "RANDOM":
        shown["min_fen"] = yuan_text(benefit["min_fen"])
    if benefit["type"] == "PERCENTAGE":
        shown["rate"] = Decimal(benefit["rate_bp"]) / 100
        ceiling = benefit.get("ceiling_fen")
        shown["ceiling_fen"] = yuan_text(ceiling) if ceiling else ""
    return shown


def benefit_plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the plain benefit of the fields."""
    kind = row["benefit"]
    unmeasured: dict[str, dict[str, Any]] = {
        "NO_THRESHOLD": {},
        "PACK": {"parts": row["parts"]},
        "EXCHANGE": row["item"] or {},
        "TIERS": {"tiers": row["tiers"], "basis": row["basis"]},
    }
    if kind in unmeasured:
        return {"type": kind, **unmeasured[kind]}
    measured = {
        "type": row["benefit"],
        "threshold_fen": row["threshold_fen"] or 0,
        "basis": row["basis"],
    }
    if row["benefit"] == "PERCENTAGE":
        return {
            **measured,
            "rate_bp": int(row["rate"] * 100),
            "ceiling_fen": row["ceiling_fen"] or None,
        }
    if row["benefit"] == "RANDOM":
        return {**measured, "min_fen": row["min_fen"] or 0}
    return {**measured, "face_multiple": row["face_multiple"]}


def funders_of(text: str) -> dict[str, int]:
    """Read weights, ``treasury:200 bank:70``; ValueError where they are not."""
    pairs = [one.split(":") for one in text.split()]
    funders = {code: int(weight) for code, weight in pairs}
    if len(funders) < len(pairs):
        raise ValueError(text)
    return funders


def funders_words(funders: dict[str, int]) -> str:
    """Write weights as `funders_of` reads them."""
    return " ".join(f"{code}:{weight}" for code, weight in funders.items())


def budget_of(text: str) -> dict[str, int]:
    """Read a budget, ``treasury:2000.00 bank:700`` in yuan, as fen; ValueError where it is not."""
    pairs = [one.split(":") for one in text.split()]
    budget = {code: fen_from_yuan(yuan.replace(",", "")) for code, yuan in pairs}
    if len(budget) < len(pairs):
        raise ValueError(text)
    return budget


def budget_words(budget: dict[str, int]) -> str:
    """Write a budget as `budget_of` reads it."""
    return " ".join(f"{code}:{yuan_text(fen)}" for code, fen in budget.items())


def filled(text: str) -> Iterator[str]:
    """Return the lines that are not empty; other separators may stand within a line."""
    return (line for line in line_feeds(text).split("\n") if line.strip())


def tier_of(line: str) -> dict[str, Any]:
    """Read a tier, its lower bound and its subsidy in yuan; ValueError where it is not."""
    from_fen, subsidy_fen = (fen_from_yuan(text.replace(",", "")) for text in line.split())
    return {"from_fen": from_fen, "subsidy_fen": subsidy_fen}


def part_of(line: str) -> dict[str, Any]:
    """Read a part of a pack, its batch and how many; ValueError where it is not."""
    code, quantity = line.split()
    return {"batch": code, "quantity": int(quantity)}


def item_of(text: str) -> dict[str, Any]:
    """Read what is exchanged, ``6901234567892 1 五常大米``; ValueError where it is not."""
    if not text:
        return {}
    sku, quantity, name = text.split(maxsplit=2)
    return {"sku": sku, "quantity": int(quantity), "name": name.strip()}


def limit_of(line: str) -> dict[str, Any]:
    """Read a limit; ValueError where it is not six words, and perhaps `GIVES_BACK`."""
    *words, last = line.split()
    if last != GIVES_BACK:
        words.append(last)
    limit: dict[str, Any] = dict(zip(LIMIT_FIELDS, words, strict=True))
    return {
        **limit,
        "count": int(limit["count"]),
        "keys": limit["keys"].split(","),
        "gives_back": last == GIVES_BACK,
    }


def limit_words(limit: dict[str, Any]) -> str:
    """Write a limit as `limit_of` reads it."""
    words = [*(str(limit[name]) for name in LIMIT_FIELDS[:-1]), ",".join(limit["keys"])]
    return " ".join([*words, GIVES_BACK] if limit.get("gives_back") else words)


def cap_of(line: str) -> dict[str, Any]:
    """Read a cap, its code, scope, window, units and yuan; ValueError where it is not."""
    code, scope, window, units, amount = line.split()
    return {
        "code": code,
        "scope": scope,
        "window": window,
        "units": None if units == NO_CAP else int(units),
        "amount_fen": None if amount == NO_CAP else fen_from_yuan(amount.replace(",", "")),
    }


def cap_words(cap: dict[str, Any]) -> str:
    """Write a cap as `cap_of` reads it."""
    units, amount = cap.get("units"), cap.get("amount_fen")
    words = (
        cap["code"],
        cap["scope"],
        cap["window"],
        NO_CAP if units is None else str(units),
        NO_CAP if amount is None else yuan_text(amount),
    )
    return " ".join(words)


def trigger_of(text: str) -> dict[str, Any] | None:
    """Read a trigger: source, yuan from, yuan below, batches; ValueError where it is not."""
    if not text:
        return None
    source, least, below, *batches = text.split()
    return {
        "source": source,
        "from_fen": fen_from_yuan(least.replace(",", "")),
        "below_fen": None if below == NO_CAP else fen_from_yuan(below.replace(",", "")),
        "batches": [{"batch": code} for code in batches],
    }


def trigger_words(trigger: dict[str, Any]) -> str:
    """Write a trigger as `trigger_of` reads it."""
    below = trigger.get("below_fen")
    words = (
        trigger["source"],
        yuan_text(trigger["from_fen"]),
        NO_CAP if below is None else yuan_text(below),
        *(one["batch"] for one in trigger.get("batches", ())),
    )
    return " ".join(words)


def hours_of(line: str) -> dict[str, Any]:
    """Read hours of use, ``18:00-24:00 5,6``; ValueError where they are not."""
    parts = line.split()
    if not 1 <= len(parts) <= 2:
        raise ValueError(parts)
    opens, closes = parts[0].split("-")
    weekdays = [int(day) for day in parts[1].split(",")] if parts[1:] else []
    return {"opens": opens, "closes": closes, "weekdays": weekdays}


def hours_words(hours: dict[str, Any]) -> str:
    """Write hours of use as `hours_of` reads them."""
    days = ",".join(str(day) for day in hours["weekdays"])
    return f"{hours['opens']}-{hours['closes']} {days}".strip()


def goods_of(line: str) -> dict[str, Any]:
    """Read goods, ``商品 6901234567892 五常大米`` or ``类别 RICE 大米``; ValueError where not."""
    kind, code, name = line.split(maxsplit=2)
    if kind not in GOODS:
        raise ValueError(line)
    return {GOODS[kind]: code, "name": name.strip()}


def goods_words(rule: dict[str, Any]) -> str:
    """Write goods as `goods_of` reads them."""
    kind = next(kind for kind, field in GOODS.items() if rule[field])
    return f"{kind} {rule[GOODS[kind]]} {rule['name']}"
