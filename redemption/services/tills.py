"""Which till a payment takes place at."""

from collections.abc import Sequence

from merchants.selectors import TerminalFacts, tills_find
from redemption.rules.facts import PlaceFacts
from redemption.services.requests import PaymentRequest


def tills_resolve(requests: Sequence[PaymentRequest]) -> list[TerminalFacts | None]:
    """Return the till of each request, None where it cannot take vouchers; one query.

    A till needs its voucher test, a payee, and to stand in the store named.
    """
    tills = tills_find([(one.client_id, one.store_no, one.terminal_no) for one in requests])
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
        store_no=till.store_no,
        terminal_id=till.terminal_id,
        store_region=till.store_region,
        industry=till.industry,
        mcc=till.mcc,
        brand=till.brand or "",
        tier=till.tier,
        store_active=till.store_is_active,
        merchant_state=till.merchant_state,
    )
