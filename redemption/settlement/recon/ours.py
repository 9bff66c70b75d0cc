"""Our own view of an acquirer's day in the shape of its file: for rehearsals and tests."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from django.db import connection

from core.money import div_half_up
from redemption.settlement.recon.zm import TRADE_NO_BYTES, ZmTrade

_FACTS = """
    SELECT CASE s.kind WHEN 'CONFIRM' THEN 'PAY' ELSE s.kind END,
           CASE WHEN s.kind = 'REFUND' THEN s.reference ELSE r.channel_trade_no END,
           r.channel_trade_no, p.merchant_no, t.terminal_no, s.at, s.order_fen, s.subsidy_fen,
           s.payer_fen, a.fee_bp, m.mcc
      FROM redemption_redemptionstep s
      JOIN redemption_redemption r ON r.id = s.redemption_id
      JOIN merchants_terminal t ON t.id = r.terminal_id
      JOIN merchants_payee p ON p.id = r.payee_id
      JOIN merchants_merchant m ON m.id = r.merchant_id
      JOIN merchants_acquirer a ON a.id = r.acquirer_id
     WHERE r.acquirer_id = %s AND s.business_date = %s
       AND s.kind IN ('CONFIRM', 'CANCEL', 'REFUND')
     ORDER BY s.at, s.id
"""
FETCH_ROWS = 1_000


def trades_of(*, acquirer_id: UUID, day: date) -> Iterator[ZmTrade]:
    """Give the trades an acquirer should report for a day, by our facts, in time order."""
    number = 0
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [acquirer_id, day])
        while rows := cursor.fetchmany(FETCH_ROWS):
            for kind, trade_no, origin, merchant, till, at, order, discount, paid, bp, mcc in rows:
                number += 1
                fee = div_half_up(paid * bp, 10_000)
                yield ZmTrade(
                    kind=kind,
                    trade_no=trade_no[:TRADE_NO_BYTES],
                    origin_no=origin[:TRADE_NO_BYTES],
                    merchant_no=merchant,
                    terminal_no=till,
                    trace_no=f"{number % 1_000_000:06d}",
                    traded_at=at,
                    order_fen=order,
                    discount_fen=discount,
                    fee_fen=fee,
                    settle_fen=paid - fee,
                    mcc=mcc,
                )
