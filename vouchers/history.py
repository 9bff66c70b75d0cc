"""The history of one voucher: its own facts, and those that upper rooms register."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vouchers.models import Voucher
from vouchers.selectors import voucher_state
from vouchers.states import VoucherState


@dataclass(frozen=True, slots=True)
class VoucherEvent:
    """Something that happened to a voucher.

    ``kind`` is stable (CLAIM, HOLD, CONFIRM, …), ``text`` its name; ``amount_fen`` the subsidy it
    moved, ``reference`` the public id of the fact, ``place`` where it happened.
    """

    kind: str
    text: str | Promise
    at: datetime
    amount_fen: int | None = None
    reference: str = ""
    place: str = ""


HistorySource = Callable[[UUID], list[VoucherEvent]]
_sources: list[HistorySource] = []


def history_source_register(source: HistorySource) -> None:
    """Register a source of events by voucher id; once, when its app is ready."""
    if source not in _sources:
        _sources.append(source)


def voucher_history(voucher: Voucher, *, now: datetime) -> list[VoucherEvent]:
    """Return what happened to a voucher in order of time, its end by ``valid_until`` included."""
    events = [
        VoucherEvent("CLAIM", _("领取"), voucher.issued_at, amount_fen=voucher.face_fen),
        *(event for source in _sources for event in source(voucher.pk)),
    ]
    events.sort(key=lambda event: event.at)
    if voucher_state(voucher, now=now) == VoucherState.EXPIRED:
        events.append(VoucherEvent("EXPIRE", _("过期"), voucher.valid_until))
    return events
