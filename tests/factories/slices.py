"""A programme whose first wave keeps units for a channel and for a desk."""

from typing import Any

from core.models import Client
from tests.factories.definitions import document_make
from tests.factories.merchants import client_make

OPENS_AT = "2026-03-06T08:00:00+08:00"
FALLS_AT = "2026-03-06T20:00:00+08:00"


def channel_make(kind: str = Client.Kind.CHANNEL, **changes: Any) -> Client:
    """Return a channel, or a desk, that waves may keep units for."""
    return client_make(kind, **changes)


def shares(*parts: tuple[Client, int]) -> list[dict[str, Any]]:
    """Return the channels of a wave as the definition writes them."""
    return [{"client": client.code, "units": units} for client, units in parts]


def sliced_document(*parts: tuple[Client, int], units: int = 60, **wave: Any) -> dict[str, Any]:
    """Return a document whose first wave opens ``units``, of which channels keep ``parts``.

    What they have not used falls back at 20:00 unless ``fall_back_at`` says otherwise; the second
    wave, a week later, is everybody's.
    """
    document = document_make()
    first, second = document["batches"][0]["releases"]
    first |= {"units": units, "channels": shares(*parts), "fall_back_at": FALLS_AT, **wave}
    second["units"] = 100 - units
    if not second["units"]:
        document["batches"][0]["releases"].remove(second)
    return document
