"""The live books of one campaign: balances by kind and funder, the latest entries, lights."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.db.models import F, Sum

from campaigns.models import Campaign
from core.api.fields import moment_text
from core.ledger.models import DEBIT_SIDE, Account, AccountKind, Entry, Posting
from vouchers.models import Voucher
from vouchers.states import VoucherState

LATEST = 8


def books_document(campaign: Campaign) -> dict[str, Any]:
    """Return the books as the page shows them; amounts in fen."""
    funders = list(
        campaign.fundings.order_by("position", "pk").values_list("funder_id", "funder__name")
    )
    balances = _balances(campaign.pk)
    return {
        "funders": [name for _, name in funders],
        "rows": [
            {
                "kind": kind.value,
                "name": str(kind.label),
                "side": "借" if kind in DEBIT_SIDE else "贷",
                "by_funder": [balances[kind.value].get(funder, 0) for funder, _ in funders],
                "total_fen": sum(balances[kind.value].values()),
            }
            for kind in AccountKind
            if kind.value in balances
        ],
        "entries": _entries(campaign.pk, dict(funders)),
        "lights": _lights(campaign.pk, balances),
    }


def _balances(campaign_id: UUID) -> dict[str, dict[UUID, int]]:
    found: dict[str, dict[UUID, int]] = defaultdict(dict)
    rows = (
        Account.objects.filter(campaign_id=campaign_id)
        .order_by()
        .values_list("kind", "funder_id")
        .annotate(fen=Sum("balance_fen"))
    )
    for kind, funder, fen in rows:
        found[kind][funder] = fen
    return found


def _entries(campaign_id: UUID, funders: dict[UUID, str]) -> list[dict[str, Any]]:
    latest = list(Entry.objects.filter(campaign_id=campaign_id).order_by("-at", "-pk")[:LATEST])
    lines: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    postings = (
        Posting.objects.filter(entry__in=latest)
        .select_related("debit_account", "credit_account")
        .order_by("pk")
    )
    for posting in postings:
        lines[posting.entry_id].append(
            {
                "debit": posting.debit_account.get_kind_display(),
                "credit": posting.credit_account.get_kind_display(),
                "funder": funders.get(posting.funder_id, ""),
                "amount_fen": posting.amount_fen,
            }
        )
    return [
        {
            "entry_id": str(entry.pk),
            "name": entry.get_code_display(),
            "at": moment_text(entry.at),
            "lines": lines[entry.pk],
        }
        for entry in latest
    ]


def _lights(campaign_id: UUID, balances: dict[str, dict[UUID, int]]) -> list[dict[str, Any]]:
    """Return three small checks of this campaign; the nightly job proves all of them."""
    sides: dict[UUID, int] = defaultdict(int)
    for kind, by_funder in balances.items():
        for funder, fen in by_funder.items():
            sides[funder] += fen if AccountKind(kind) in DEBIT_SIDE else -fen
    vouchers = dict(
        Voucher.objects.filter(campaign=campaign_id)
        .order_by()
        .values_list("state")
        .annotate(fen=Sum("face_fen"))
    )
    held = vouchers.get(VoucherState.HELD, 0)
    out = vouchers.get(VoucherState.ACTIVE, 0) + vouchers.get(VoucherState.FROZEN, 0)
    return [
        {"name": "各出资方借贷平衡", "ok": not any(sides.values())},
        {"name": "余额等于分录合计", "ok": _postings_agree(campaign_id)},
        {
            "name": "账上未用金额等于手中的券",
            "ok": sum(balances["OUTSTANDING"].values()) == out
            and sum(balances["HELD"].values()) == held,
        },
    ]


def _postings_agree(campaign_id: UUID) -> bool:
    moved: dict[int, int] = defaultdict(int)
    postings = Posting.objects.filter(campaign_id=campaign_id).order_by()
    for account, fen in postings.values_list("debit_account").annotate(fen=Sum("amount_fen")):
        moved[account] += fen
    for account, fen in postings.values_list("credit_account").annotate(fen=Sum("amount_fen")):
        moved[account] -= fen
    accounts = Account.objects.filter(campaign_id=campaign_id).values_list(
        F("pk"), "kind", "balance_fen"
    )
    return all(
        balance == (moved[account] if AccountKind(kind) in DEBIT_SIDE else -moved[account])
        for account, kind, balance in accounts
    )
