"""Which till a payment takes place at."""

from collections.abc import Sequence
from uuid import UUID

from merchants.selectors import (
    TerminalFacts,
    acquirers_of_clients,
    acquirers_of_tills,
    terminals_resolve,
)
from redemption.rules.facts import PlaceFacts
from redemption.services.requests import PaymentRequest


def tills_resolve(requests: Sequence[PaymentRequest]) -> list[TerminalFacts | None]:
    """Return the till of each request, None where it cannot take vouchers; three queries.

    A terminal client names terminals of its own acquirer, any other client a terminal of the
    store. A till needs its voucher test, a payee, and to stand in the store named.
    """
    own = acquirers_of_clients({request.client_id for request in requests})
    others = acquirers_of_tills(
        {(one.store_no, one.terminal_no) for one in requests if one.client_id not in own}
    )
    wanted: list[tuple[UUID, str] | None] = []
    for request in requests:
        acquirer_id = own.get(request.client_id) or others.get(
            (request.store_no, request.terminal_no)
        )
        wanted.append(None if acquirer_id is None else (acquirer_id, request.terminal_no))
    found = terminals_resolve(pair for pair in wanted if pair is not None)
    tills = [None if pair is None else found.get(pair) for pair in wanted]
    return [
        till
        if till and till.is_live and till.payee_id and till.store_no == request.store_no
        else None
        for till, request in zip(tills, requests, strict=True)
    ]


def place_of(till: TerminalFacts | None) -> PlaceFacts | None:
    """Return what the rules look at."""
    if till is None or till.payee_id is None:
        return None
    return PlaceFacts(
        acquirer_id=till.acquirer_id,
        merchant_id=till.merchant_id,
        store_id=till.store_id,
        terminal_id=till.terminal_id,
        payee_id=till.payee_id,
        store_region=till.store_region,
        industry=till.industry,
        mcc=till.mcc,
        store_active=till.store_is_active,
        merchant_state=till.merchant_state,
    )
