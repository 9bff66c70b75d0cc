"""Which vouchers a payment may use and which is the best: the Python half of quote and hold."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from core.errors import Refusal
from core.ids import new_id
from merchants.selectors import TerminalFacts
from redemption.rules.amounts import Amounts, amounts
from redemption.rules.eligibility import frozen_refusals, place_usable, state_refusals
from redemption.rules.facts import PaymentFacts, VoucherFacts
from redemption.services.limits import limit_key, use_limits_load, used_up
from redemption.services.payment_codes import (
    FoundCode,
    payment_code_refusals,
    payment_codes_find,
)
from redemption.services.requests import PaymentRequest
from redemption.services.tills import place_of, tills_resolve
from redemption.services.wallet import Wallet, lists_in_force, wallet_load
from vouchers.models import Enrolment
from vouchers.rules.validity import validity_window
from vouchers.selectors import FoundKey, LimitKey, identity_keys_find

NOT_HERE = frozenset(
    {
        "redemption.store_not_in_scope",
        "redemption.merchant_suspended",
        "redemption.terminal_unmapped",
    }
)
ONE_PER_PAYMENT = 1
"""Norm of domain-rules §3: one government voucher per payment."""


class Candidate(msgspec.Struct, frozen=True):
    """A voucher for a payment: ``frozen`` reasons stay, ``passing`` ones hold at present."""

    voucher: VoucherFacts
    amounts: Amounts
    whitelist_id: UUID | None
    limits: tuple[dict[str, Any], ...]
    frozen: tuple[Refusal, ...]
    passing: tuple[Refusal, ...]

    @property
    def offered(self) -> bool:
        """Whether it is an instant discount (立减) that would have to be issued first."""
        return not self.voucher.is_issued

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every reason against it, what is wrong with the voucher itself first."""
        return self.passing + self.frozen


class Considered(msgspec.Struct, frozen=True):
    """A request with its till and its vouchers, the best first.

    ``refusals`` are reasons against the request whatever the voucher; ``named`` tells whether the
    caller named the voucher, so that no other may be used in its stead.
    """

    request: PaymentRequest
    till: TerminalFacts | None
    payment_code_id: UUID | None
    named: bool
    candidates: tuple[Candidate, ...]
    refusals: tuple[Refusal, ...]

    @property
    def best(self) -> Candidate | None:
        """The candidate to hold: the best usable one, else the one with the fewest reasons."""
        usable = [one for one in self.candidates if not one.refusals]
        if usable:
            return usable[0]
        return min(self.candidates, key=lambda one: len(one.refusals), default=None)


@dataclass(slots=True)
class Payer:
    """Who pays: the account, and what the payment code or the caller names."""

    enrolment_id: UUID | None = None
    voucher_ids: tuple[UUID, ...] = ()
    code_id: UUID | None = None
    refusals: list[Refusal] = field(default_factory=list)


def consider(requests: Sequence[PaymentRequest], *, instants: bool = True) -> list[Considered]:
    """Look at requests; a constant number of queries, in the order of the requests.

    Another client's person or voucher is as if it did not exist (api.md, Visibility). ``instants``
    adds the instant discounts (立减) of the place, as if they had been issued.
    """
    tills = tills_resolve(requests)
    payers = payers_find(requests)
    wallet = wallet_load(
        enrolment_ids={payer.enrolment_id for payer in payers if payer.enrolment_id},
        voucher_ids={pk for payer in payers for pk in payer.voucher_ids},
    )
    chosen = [
        [
            *_vouchers_of(payer, request, wallet),
            *(_instants_of(payer, request, wallet) if instants else ()),
        ]
        for payer, request in zip(payers, requests, strict=True)
    ]
    every = {one.voucher_id: one for vouchers in chosen for one in vouchers}.values()
    listed = lists_in_force(
        {one.campaign_id for one in every}, {till.store_id for till in tills if till}
    )
    limits = use_limits_load(every)
    lines = [
        {one.voucher_id: tuple(limits.lines(one, request.at)) for one in vouchers}
        for vouchers, request in zip(chosen, requests, strict=True)
    ]
    full = used_up([line for of in lines for each in of.values() for line in each])
    listing: dict[UUID, set[UUID]] = defaultdict(set)
    for campaign_id, store_id in listed:
        listing[store_id].add(campaign_id)
    considered = []
    for index, (request, till, payer) in enumerate(zip(requests, tills, payers, strict=True)):
        payment = payment_facts(request, till, listing[till.store_id] if till else ())
        candidates = [
            _candidate(
                one,
                payment,
                whitelist_id=listed.get((one.campaign_id, till.store_id)) if till else None,
                limits=lines[index][one.voucher_id],
                full=full,
            )
            for one in chosen[index]
        ]
        candidates = [one for one in candidates if not _is_elsewhere(one)]
        considered.append(
            Considered(
                request=request,
                till=till,
                payment_code_id=payer.code_id,
                named=bool(payer.voucher_ids),
                candidates=tuple(ranked(candidates)),
                refusals=tuple(_request_refusals(payer, candidates, payment)),
            )
        )
    return considered


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order vouchers for a payment: largest subsidy, then earliest expiry, then id.

    Of the same subsidy a voucher comes before a discount that would have to be issued.
    """
    return sorted(
        candidates,
        key=lambda one: (
            -one.amounts.subsidy_fen,
            one.offered,
            one.voucher.valid_until,
            one.voucher.voucher_id,
        ),
    )


def payment_facts(
    request: PaymentRequest,
    till: TerminalFacts | None,
    listed_in: Collection[UUID],
) -> PaymentFacts:
    """Return what the rules look at of a payment; ``listed_in`` are the campaigns of its store."""
    return PaymentFacts(
        at=request.at,
        order_fen=request.order_fen,
        other_discount_fen=request.other_discount_fen,
        bank_discount_fen=request.bank_discount_fen,
        flow=request.flow,
        card_bin=request.card_bin,
        place=place_of(till),
        listed_in=frozenset(listed_in),
        region_at=request.region_code,
        items=request.items,
    )


def payers_find(requests: Sequence[PaymentRequest]) -> list[Payer]:
    """Return who pays, or why that cannot be told; a constant number of queries."""
    codes = payment_codes_find({one.payment_code for one in requests if one.payment_code})
    devices = identity_keys_find({one.device for one in requests if one.device})
    named = {one.person_id for one in requests if one.person_id}
    people = (
        dict(Enrolment.objects.filter(pk__in=named).values_list("pk", "client_id")) if named else {}
    )
    return [_payer(request, codes, devices, people) for request in requests]


def _payer(
    request: PaymentRequest,
    codes: dict[str, FoundCode],
    devices: dict[Any, FoundKey],
    people: dict[UUID, UUID],
) -> Payer:
    if request.payment_code:
        code = codes.get(request.payment_code)
        key = devices.get(request.device) if request.device else None
        refusals = payment_code_refusals(
            code,
            at=request.at,
            device_key_id=key.key_id if key else None,
            names_device=request.device is not None,
        )
        if code is None:
            return Payer(refusals=refusals)
        pinned = (code.voucher_id,) if code.voucher_id else ()
        return Payer(code.enrolment_id, pinned, code.code_id, refusals)
    if request.voucher_ids:
        payer = Payer(voucher_ids=request.voucher_ids)
        if len(request.voucher_ids) > ONE_PER_PAYMENT:
            payer.refusals.append(
                Refusal("redemption.stacking_not_allowed", {"limit": ONE_PER_PAYMENT})
            )
        return payer
    if request.person_id and people.get(request.person_id) == request.client_id:
        return Payer(request.person_id)
    return Payer(refusals=[Refusal("access.not_found")])


def _vouchers_of(payer: Payer, request: PaymentRequest, wallet: Wallet) -> list[VoucherFacts]:
    if not payer.voucher_ids:
        return list(wallet.of(payer.enrolment_id))
    named = [wallet.vouchers[pk] for pk in payer.voucher_ids if pk in wallet.vouchers]
    if payer.code_id is not None:
        return named
    return [one for one in named if one.client_id == request.client_id]


def _instants_of(payer: Payer, request: PaymentRequest, wallet: Wallet) -> Iterator[VoucherFacts]:
    """Yield the instant discounts as the payer would be issued them, unless he names vouchers."""
    if payer.enrolment_id is None or payer.voucher_ids:
        return
    for one in wallet.instants:
        valid_from, valid_until = validity_window(
            one.rules.validity, claimed_at=request.at, campaign_ends_at=one.valid_until
        )
        yield replace(
            one,
            voucher_id=new_id(),
            enrolment_id=payer.enrolment_id,
            valid_from=valid_from,
            valid_until=valid_until,
        )


def _is_elsewhere(candidate: Candidate) -> bool:
    """Tell whether it is an instant discount of other stores: the customer knows of none here."""
    return candidate.offered and any(one.code in NOT_HERE for one in candidate.frozen)


def _candidate(
    voucher: VoucherFacts,
    payment: PaymentFacts,
    *,
    whitelist_id: UUID | None,
    limits: tuple[dict[str, Any], ...],
    full: dict[LimitKey, Refusal],
) -> Candidate:
    over = (full[limit_key(line)] for line in limits if limit_key(line) in full)
    return Candidate(
        voucher=voucher,
        amounts=amounts(voucher, payment),
        whitelist_id=whitelist_id,
        limits=limits,
        frozen=tuple(frozen_refusals(voucher, payment)),
        passing=(*state_refusals(voucher, payment), *over),
    )


def _request_refusals(
    payer: Payer, candidates: Sequence[Candidate], payment: PaymentFacts
) -> Iterable[Refusal]:
    yield from payer.refusals
    if not candidates:
        if not payer.refusals:
            yield Refusal("voucher.not_found")
        yield from place_usable(payment.place)
