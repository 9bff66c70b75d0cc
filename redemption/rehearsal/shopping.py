"""A shopping trip with a voucher: code, quote, hold, confirm, and what may go wrong."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from core import clock
from redemption.rehearsal.client import Answer, ApiClient
from redemption.rehearsal.session import Session, Tier, TillKind, TillRow
from redemption.rehearsal.tiers import Habit
from redemption.rehearsal.world import Person, Shop

LATE = timedelta(hours=1)
CANCEL_AFTER = timedelta(hours=1)
REFUND_AFTER = timedelta(days=1, hours=15)
LATE_REFUND_AFTER = timedelta(days=6, hours=15)
"""Both counted from midnight of the day of the sale."""
FOREIGN_BIN = "400000"


@dataclass(frozen=True, slots=True)
class Trip:
    """One payment at one till with one voucher."""

    session: Session
    person: Person
    tier: Tier
    voucher_id: str
    habit: Habit
    shop: Shop
    by_channel: bool
    order_no: str

    @property
    def channel(self) -> ApiClient:
        """The person's app."""
        return self.session.channels[self.person.channel]

    @property
    def caller(self) -> ApiClient:
        """Who holds and confirms: the acquirer's till, or the app that scans the store's code."""
        return self.channel if self.by_channel else self.session.tills[self.shop.acquirer]


def go_shopping(
    session: Session, person: Person, tier: Tier, voucher_id: str, habit: Habit
) -> None:
    """Use a voucher as the habit says; insiders use it where they work."""
    shop = session.insiders.get(person.number) or _shop_of(session, person, habit)
    trip = Trip(
        session=session,
        person=person,
        tier=tier,
        voucher_id=voucher_id,
        habit=habit,
        shop=shop,
        by_channel=tier.any_flow and person.number % 2 == 0,
        order_no=session.key("order"),
    )
    if habit.quotes:
        _quote(trip)
    match habit.mishap:
        case "BELOW_THRESHOLD":
            _hold(trip, order_fen=tier.threshold_fen - 1)
        case "WRONG_FLOW" if not tier.any_flow:
            _hold(replace(trip, by_channel=True))
        case "WRONG_CARD" if not tier.any_flow:
            _hold(trip, card_bin=FOREIGN_BIN)
    held = _hold(trip)
    if not held.ok:
        session.note("trips_refused")
        return
    _after_the_hold(trip, held.body)


def _after_the_hold(trip: Trip, held: dict[str, Any]) -> None:
    later = trip.session.agenda.add
    match trip.habit.mishap:
        case "TIME_OUT":
            return
        case "RELEASE":
            path = f"/api/v1/redemptions/{held['redemption_id']}/release"
            trip.caller.call("POST", path, {}, key=trip.session.key("release"))
        case "LATE_CONFIRM":
            later(trip.habit.at + LATE, partial(_confirm, trip, held))
        case _:
            _confirm(trip, held)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What went over the till: order, subsidy, and the customer's own money, in fen."""

    order_fen: int
    subsidy_fen: int
    paid_fen: int


def _confirm(trip: Trip, held: dict[str, Any]) -> None:
    session = trip.session
    path = f"/api/v1/redemptions/{held['redemption_id']}/confirm"
    trade_no = f"T{trip.order_no}"
    body = {
        "paid_fen": held["payable_fen"],
        "channel_trade_no": trade_no,
        "paid_at": clock.now().isoformat(timespec="seconds"),
    }
    key = session.key("confirm")
    answer = trip.caller.call("POST", path, body, key=key)
    if trip.habit.mishap == "DUPLICATE":
        again = trip.caller.call("POST", path, body, key=key)
        session.note("duplicates_sent")
        if again.body != answer.body:
            raise AssertionError(f"a repeated confirm got another answer: {again.body}")
    if not answer.ok:
        session.note("confirms_refused")
        return
    session.note("confirms")
    _ring_up(trip, "SALE", trade_no, _whole(trip, held))
    _afterwards(trip, held, trade_no)


def _afterwards(trip: Trip, held: dict[str, Any], trade_no: str) -> None:
    """Put cancel and refunds on the agenda, as the habit says."""
    order, at = trip.habit.order_fen, clock.now().replace(minute=0, second=0, microsecond=0)
    midnight = at.replace(hour=0)
    plans: dict[str, tuple[datetime, Callable[[], None]]] = {
        "CANCEL": (at + CANCEL_AFTER, partial(_cancel, trip, held, trade_no)),
        "REFUND_FULL": (midnight + REFUND_AFTER, partial(_refund, trip, held, [order])),
        "REFUND_PART": (
            midnight + REFUND_AFTER,
            partial(_refund, trip, held, [order // 3, order // 5]),
        ),
        "REFUND_LATE": (midnight + LATE_REFUND_AFTER, partial(_refund, trip, held, [order // 2])),
    }
    if trip.habit.mishap in plans:
        trip.session.agenda.add(*plans[trip.habit.mishap])


def _cancel(trip: Trip, held: dict[str, Any], trade_no: str) -> None:
    path = f"/api/v1/redemptions/{held['redemption_id']}/cancel"
    answer = trip.caller.call("POST", path, {}, key=trip.session.key("cancel"))
    if answer.ok:
        trip.session.note("cancels")
        _ring_up(trip, "CANCEL", trade_no, _whole(trip, held))


def _refund(trip: Trip, held: dict[str, Any], slices: list[int]) -> None:
    """Refund slices one after the other, each first as a dry run that must foretell it."""
    path = f"/api/v1/redemptions/{held['redemption_id']}/refunds"
    for fen in slices:
        refund_no = trip.session.key("rno")
        body = {"refund_no": refund_no, "order_fen": fen}
        told = trip.caller.call(
            "POST", f"{path}?dry_run=true", body, key=trip.session.key("dry-run")
        )
        answer = trip.caller.call("POST", path, body, key=trip.session.key("refund"))
        if not answer.ok:
            continue
        trip.session.note("refunds")
        amounts = Amounts(fen, answer.body["subsidy_fen"], answer.body["payer_fen"])
        if amounts != Amounts(fen, told.body["subsidy_fen"], told.body["payer_fen"]):
            raise AssertionError(f"a dry run told something else: {told.body}, {answer.body}")
        _ring_up(trip, "REFUND", refund_no, amounts)


def _whole(trip: Trip, held: dict[str, Any]) -> Amounts:
    return Amounts(trip.habit.order_fen, held["subsidy_fen"], held["payable_fen"])


def _ring_up(trip: Trip, kind: TillKind, trade_no: str, amounts: Amounts) -> None:
    trip.session.rung_up(
        TillRow(
            acquirer=trip.shop.acquirer,
            kind=kind,
            at=clock.now(),
            merchant_no=trip.shop.merchant_no,
            terminal_no=trip.shop.terminal_no,
            order_no=trip.order_no,
            trade_no=trade_no,
            origin_no=f"T{trip.order_no}",
            order_fen=amounts.order_fen,
            subsidy_fen=amounts.subsidy_fen,
            paid_fen=amounts.paid_fen,
        )
    )


def _payment(trip: Trip, **changes: Any) -> dict[str, Any]:
    return {
        "store_no": trip.session.store_nos[trip.shop.uscc],
        "terminal_no": trip.shop.terminal_no,
        "order_fen": trip.habit.order_fen,
        "flow": "CUSTOMER_SCANS" if trip.by_channel else "MERCHANT_SCANS",
        "card_bin": trip.person.card[:6],
        "location": {"region_code": trip.shop.region},
        **changes,
    }


def _payer(trip: Trip) -> dict[str, Any]:
    """Name who pays: the app names its voucher, a till only ever has a payment code."""
    if trip.by_channel:
        return {"voucher_ids": [trip.voucher_id]}
    answer = trip.channel.call(
        "POST",
        f"/api/v1/persons/{trip.session.persons[trip.person.number]}/payment-codes",
        {"device": trip.person.device, "voucher_id": trip.voucher_id},
        key=trip.session.key("code"),
    )
    return {"payment_code": answer.body.get("payment_code", "-")}


def _hold(trip: Trip, **changes: Any) -> Answer:
    body = _payment(trip, **changes) | _payer(trip) | {"order_no": trip.order_no}
    return trip.caller.call("POST", "/api/v1/redemptions", body, key=trip.session.key("hold"))


def _quote(trip: Trip) -> None:
    if trip.by_channel:
        person = {"person_id": trip.session.persons[trip.person.number]}
        body = _payment(trip) | person
    else:
        body = _payment(trip) | _payer(trip)
    trip.caller.call("POST", "/api/v1/redemptions/quote", body)


def _shop_of(session: Session, person: Person, habit: Habit) -> Shop:
    """Return a shop of the person's city, now and then of another one."""
    chance = random.Random(f"{person.number}-{habit.at}")  # noqa: S311 - behaviour, not a secret
    city = f"{person.region[:4]}00"
    near = [shop for shop in session.world.shops if shop.city == city]
    return chance.choice(near if near and chance.random() < 0.9 else session.world.shops)
