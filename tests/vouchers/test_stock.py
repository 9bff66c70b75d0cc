"""What is said of a batch with nothing left is the same between the turns of its stock."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import TIME_ZONE
from vouchers.services.claim_context import BatchContext
from vouchers.services.stock import FreeSlice, Stock

START = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)
CLIENT, OTHER = UUID(int=1), UUID(int=2)
moments = st.integers(0, 12).map(lambda minutes: START + timedelta(minutes=minutes))
perhaps = st.none() | moments
begins = st.sampled_from([START, START, START + timedelta(minutes=4)])
ends = st.sampled_from([START + timedelta(minutes=8), START + timedelta(minutes=20)])
slices = st.builds(FreeSlice, st.just(OTHER), perhaps, moments)
stocks = st.builds(
    Stock,
    claimable=st.just(True),
    released=st.just(5),
    issued=st.just(5),
    first_slot=begins,
    latest_open=st.none() | begins,
    next_slot=perhaps,
    free_slices=st.lists(slices, max_size=2).map(tuple),
    waits=st.booleans(),
)


@settings(max_examples=500, deadline=None)
@given(stock=stocks, ends_at=ends, ats=st.lists(moments, min_size=1, max_size=4))
def test_claims_looked_at_together_are_told_what_each_alone_would_be(
    stock: Stock, ends_at: datetime, ats: list[datetime]
) -> None:
    facts = SimpleNamespace(stock=stock, campaign_ends_at=ends_at)
    context = cast("BatchContext", facts)
    facts._nothing_left = lambda at, client: BatchContext._nothing_left(context, at, client)
    together = BatchContext.nothing_left(context, ats, CLIENT)
    assert together == [stock.refusal(at, CLIENT) if at < ends_at else None for at in ats]
