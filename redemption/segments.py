"""Segments of people by what they have redeemed, for audiences (vouchers.audiences.segments)."""

from django.utils.translation import gettext_lazy as _

from vouchers.audiences.segments import CAMPAIGN, DAYS, Segment, segment_register

# Whoever got all his money back has redeemed nothing.
_REDEEMED = """
    SELECT k.key_id FROM redemption_redemption r
      JOIN vouchers_enrolmentkey k ON k.enrolment_id = r.enrolment_id AND k.kind = 'DOCUMENT'
     WHERE r.campaign_id = %(campaign_id)s AND r.state = 'CONFIRMED'
       AND r.refunded_order_fen < r.order_fen
"""
REDEEMED = Segment(
    code="REDEEMED",
    title=_("在某活动中核销过的人员"),
    words=_("在活动 %(campaign)s 中核销过的人员"),
    asks=frozenset({CAMPAIGN}),
    sql=_REDEEMED,
)
IDLE = Segment(
    code="IDLE",
    title=_("在某活动中领取过、近若干天未核销的人员"),
    words=_("在活动 %(campaign)s 中领取过、近 %(days)s 天未核销的人员"),
    asks=frozenset({CAMPAIGN, DAYS}),
    sql=f"""
    SELECT k.key_id FROM vouchers_batch b
      JOIN vouchers_claim c ON c.batch_id = b.id
      JOIN vouchers_enrolmentkey k ON k.enrolment_id = c.enrolment_id AND k.kind = 'DOCUMENT'
     WHERE b.campaign_id = %(campaign_id)s
    EXCEPT {_REDEEMED} AND r.confirmed_at >= %(since)s""",  # noqa: S608 - ours
)


def segments_register() -> None:
    """Make the segments of this room known; repeating it changes nothing."""
    for segment in (REDEEMED, IDLE):
        segment_register(segment)
