"""Published figures beside our own on the 活动战报, and the notes that say what is counted."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.translation import gettext as _

from campaigns.models import Campaign
from campaigns.records import published_records

FEN_PER_WAN = 1_000_000
CENT = Decimal("0.01")


def wan(fen: int) -> str:
    """Write an amount in 万元 with two decimals, half up."""
    return str((Decimal(fen) / FEN_PER_WAN).quantize(CENT, ROUND_HALF_UP))


def published_outcome(campaign: Campaign) -> Mapping[str, Any]:
    """Return the published outcome of the campaign's first record that has one, else nothing."""
    document: Mapping[str, Any] = campaign.version.document if campaign.version else {}
    records = published_records()
    outcomes = (
        records[name].get("outcome") for name in document.get("records", ()) if name in records
    )
    return next((outcome for outcome in outcomes if outcome), {})


def published_words(outcome: Mapping[str, Any], scale: int) -> dict[str, str]:
    """Return what was published, ÷ ``scale``, by the key of the figure it stands beside.

    The published number of beneficiaries is in person-times (人次) of an unknown way of counting;
    distinct people were not published (domain-rules §12), which the figure of people says.
    """
    words: dict[str, str] = {}
    if issued := outcome.get("coupons_issued_approx"):
        words["claimed"] = _("约 %(count)s 张") % {"count": f"{issued // scale:,}"}
    if redeemed := outcome.get("coupons_redeemed_approx"):
        words["redeemed"] = _("约 %(count)s 张") % {"count": f"{redeemed // scale:,}"}
    if rate := outcome.get("derived_redemption_rate_count"):
        percent = f"{Decimal(str(rate)) * 100:.1f}%"
        words["rate_by_count"] = _("%(percent)s（比率不缩小）") % {"percent": percent}
    if times := outcome.get("persons_at_least"):
        words["person_times"] = _("%(count)s 人次以上（注 2）") % {"count": f"{times // scale:,}"}
        words["persons"] = _("未公布去重人数（注 2）")
    if sales := outcome.get("direct_sales_yuan_at_least"):
        words["order_net"] = _("%(amount)s 万元以上") % {"amount": wan(sales * 100 // scale)}
    return words


def report_notes(outcome: Mapping[str, Any], scale: int | None) -> list[str]:
    """Return the notes (注) of a report: how amounts are rounded, who is counted, the source."""
    notes = [
        _(
            "以万元为单位的金额由分换算，四舍五入到小数点后两位，不足 50 元的显示为 0.00；"
            "各项分别舍入，分项之和与合计可能有出入，以工作簿各表（单位：元，不舍入）为准。"
        ),
        _(
            "惠及人次按有效核销支付笔数计，一人核销几笔计几次；惠及人数按实名证件去重，"
            "一人只计一次；领取人数含领而未用的人。"
        ),
    ]
    if scale and outcome:
        notes.append(
            _("公开数据为公开报道的数字除以 %(scale)s，口径以报道为准，仅供对照。")
            % {"scale": scale}
        )
        if outcome.get("persons_at_least"):
            notes[1] += _(
                "公开报道的人次未说明计法，也未公布去重人数，与本表的人次、人数均不能直接相比。"
            )
    return notes
