"""The limits on use that a payment would count on, and which of them are used up."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.errors import Refusal
from redemption.rules.facts import VoucherFacts
from vouchers.models import Limit
from vouchers.rules.limits import limit_rows, window_start
from vouchers.rules.model import SideName
from vouchers.selectors import KeyRef, LimitKey, identity_keys_of, limits_used

SIDE: Final[SideName] = "REDEMPTION"


def limit_key(line: dict[str, Any]) -> LimitKey:
    """Return what identifies the row a line counts on."""
    return line["limit_id"], line["window_start"], line["key_id"]


@dataclass(frozen=True, slots=True)
class UseLimits:
    """Limits of vouchers and keys of their holders."""

    ids: dict[tuple[UUID, str], int]
    keys: dict[UUID, list[KeyRef]]

    def lines(self, voucher: VoucherFacts, at: datetime) -> Iterator[dict[str, Any]]:
        """Yield one line per limit and key, as the SQL function reads them."""
        for row in limit_rows(voucher.batch_code, voucher.rules, SIDE):
            limit_id = self.ids[voucher.campaign_id, row.code]
            for key in self.keys.get(voucher.enrolment_id, []):
                if key.kind in row.keys:
                    yield {
                        "limit_id": limit_id,
                        "window_start": window_start(row.window, at),
                        "key_id": key.key_id,
                        "cap": row.cap,
                        "kind": key.kind,
                        "window": row.window,
                        "document": key.kind == "DOCUMENT",
                    }


def use_limits_load(vouchers: Collection[VoucherFacts]) -> UseLimits:
    """Load the limits on use of these vouchers; two queries, none where no rule limits use."""
    limited = [
        voucher for voucher in vouchers if any(rule.side == SIDE for rule in voucher.rules.limits)
    ]
    if not limited:
        return UseLimits({}, {})
    rows = Limit.objects.filter(
        campaign_id__in={voucher.campaign_id for voucher in limited}, side=SIDE
    ).values_list("campaign_id", "code", "pk")
    kinds = {kind for voucher in limited for rule in voucher.rules.limits for kind in rule.keys}
    return UseLimits(
        {(campaign_id, code): pk for campaign_id, code, pk in rows},
        identity_keys_of({voucher.enrolment_id for voucher in limited}, kinds),
    )


def used_up(lines: Sequence[dict[str, Any]]) -> dict[LimitKey, Refusal]:
    """Return a refusal per line whose limit leaves no further use; one query."""
    if not lines:
        return {}
    uses = limits_used({limit_key(line) for line in lines})
    return {
        limit_key(line): Refusal(
            "redemption.person_limit",
            {
                "window": line["window"],
                "used": uses[limit_key(line)],
                "cap": line["cap"],
                "kind": line["kind"],
            },
        )
        for line in lines
        if uses.get(limit_key(line), 0) + 1 > line["cap"]
    }
