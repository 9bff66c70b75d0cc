"""Segments (条件筛选): people found by a few facts we own, evaluated once into a list.

A segment is one statement that gives the keys of people's documents. Rooms register theirs when
they are ready; afterwards only the list counts, whatever the facts become.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CAMPAIGN: Final = "campaign"
CLIENT: Final = "client"
DAYS: Final = "days"


@dataclass(frozen=True, slots=True)
class Segment:
    """A way to find people.

    ``asks`` names the parameters it needs: a campaign, a channel, a number of days. ``words`` says
    with them whom it finds. ``sql`` selects ``key_id`` of documents; it knows ``campaign_id``,
    ``client_id``, ``since`` (so many days before it was asked for), and the region of the audience
    as ``first`` and ``last`` of its subtree and ``above``, itself and what it lies in.
    """

    code: str
    title: str | Promise
    words: str | Promise
    asks: frozenset[str]
    sql: str

    def said(self, parameters: Mapping[str, Any]) -> str:
        """Say whom it finds with these parameters."""
        return str(self.words) % parameters


_segments: dict[str, Segment] = {}


def segment_register(segment: Segment) -> None:
    """Register a segment; once per process, when its room is ready.

    Raises:
        ValueError: another one has the same code.
    """
    if _segments.setdefault(segment.code, segment) != segment:
        raise ValueError(f"segment registered twice: {segment.code}")


def segments() -> tuple[Segment, ...]:
    """Return every registered segment, by code."""
    return tuple(_segments[code] for code in sorted(_segments))


def segment_of(code: str) -> Segment | None:
    """Return a registered segment; None if no room registered it."""
    return _segments.get(code)


# Verified people of channels that serve the region: one of its own, or one of a region it lies in.
_PEOPLE = """
    SELECT k.key_id FROM vouchers_enrolment e
      JOIN vouchers_enrolmentkey k
        ON k.enrolment_id = e.id AND k.kind = 'DOCUMENT' AND k.valid_until IS NULL
     WHERE e.level = 'REALNAME'
       AND (e.owner_region BETWEEN %(first)s AND %(last)s OR e.owner_region = ANY (%(above)s))
"""
OF_CHANNEL = Segment(
    code="CHANNEL",
    title=_("某渠道的实名用户"),
    words=_("渠道“%(client)s”的实名用户"),
    asks=frozenset({CLIENT}),
    sql=f"{_PEOPLE} AND e.client_id = %(client_id)s",
)
FIRST_TIME = Segment(
    code="FIRST_TIME",
    title=_("从未领取过本地区消费券的实名用户"),
    words=_("从未领取过本地区消费券的实名用户"),
    asks=frozenset(),
    # Whoever carries the document, in whatever channel.
    sql=f"""{_PEOPLE}
    EXCEPT
    SELECT k.key_id FROM vouchers_claim c
      JOIN vouchers_enrolmentkey k ON k.enrolment_id = c.enrolment_id AND k.kind = 'DOCUMENT'
     WHERE c.owner_region BETWEEN %(first)s AND %(last)s""",  # noqa: S608 - ours
)
OWN_SEGMENTS = (OF_CHANNEL, FIRST_TIME)
