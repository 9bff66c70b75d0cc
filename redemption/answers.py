"""The documents of state-changing calls: only facts that never change, the same on a replay."""

from typing import Any, Final

from core.api.fields import moment_text
from core.ids import to_public
from redemption.services.facts import FunderPart, StepFact
from redemption.services.payment_codes import MadeCode

REDEMPTION: Final = "rdm"
STEP: Final = "stp"
VOUCHER: Final = "vch"


def payment_code_answer(made: MadeCode) -> dict[str, Any]:
    """Return the answer to a request for a payment code."""
    return {
        "payment_code": made.code.text,
        "numeric_code": made.code.numeric,
        "expires_at": moment_text(made.expires_at),
    }


def hold_answer(fact: StepFact) -> dict[str, Any]:
    """Return the answer to a hold."""
    return {
        "redemption_id": to_public(REDEMPTION, fact.redemption_id),
        "order_no": fact.order_no,
        "order_fen": fact.order_fen,
        "other_discount_fen": fact.other_discount_fen,
        "subsidy_fen": fact.subsidy_fen,
        "payable_fen": fact.payer_fen,
        "vouchers": [
            {
                "voucher_id": to_public(VOUCHER, voucher.voucher_id),
                "name": voucher.batch_name,
                "used_fen": voucher.used_fen,
            }
            for voucher in fact.vouchers
        ],
        "held_at": moment_text(fact.at),
        "hold_expires_at": moment_text(fact.hold_expires_at),
    }


def confirm_answer(fact: StepFact) -> dict[str, Any]:
    """Return the answer to a confirm: amounts, funder parts, deadlines."""
    return {
        "redemption_id": to_public(REDEMPTION, fact.redemption_id),
        "order_no": fact.order_no,
        "channel_trade_no": fact.reference,
        "order_fen": fact.order_fen,
        "other_discount_fen": fact.other_discount_fen,
        "subsidy_fen": fact.subsidy_fen,
        "paid_fen": fact.payer_fen,
        "funders": funders_answer(fact.funders),
        "confirmed_at": moment_text(fact.at),
        "business_date": fact.business_date.isoformat(),
        "cancellable_until": fact.detail["cancellable_until"],
        "payout_expected_on": fact.detail.get("payout_expected_on"),
    }


def release_answer(fact: StepFact) -> dict[str, Any]:
    """Return the answer to a release."""
    return {
        "redemption_id": to_public(REDEMPTION, fact.redemption_id),
        "order_no": fact.order_no,
        "released_at": moment_text(fact.at),
    }


def cancel_answer(fact: StepFact) -> dict[str, Any]:
    """Return the answer to a cancel: money to payer and funders, the voucher's fate."""
    return {
        "redemption_id": to_public(REDEMPTION, fact.redemption_id),
        "order_no": fact.order_no,
        "order_fen": fact.order_fen,
        "payer_fen": fact.payer_fen,
        "subsidy_fen": fact.subsidy_fen,
        "funders": funders_answer(fact.funders),
        "voucher_fate": fact.voucher_fate,
        "cancelled_at": moment_text(fact.at),
        "business_date": fact.business_date.isoformat(),
    }


def refund_answer(fact: StepFact) -> dict[str, Any]:
    """Return the answer to a refund: this slice, and the totals up to it."""
    return {
        "refund_id": to_public(STEP, fact.step_id),
        "redemption_id": to_public(REDEMPTION, fact.redemption_id),
        "refund_no": fact.reference,
        "order_fen": fact.order_fen,
        "payer_fen": fact.payer_fen,
        "subsidy_fen": fact.subsidy_fen,
        "funders": funders_answer(fact.funders),
        "voucher_fate": fact.voucher_fate,
        "refunded_order_fen": fact.detail["refunded_order_fen"],
        "refunded_payer_fen": fact.detail["refunded_payer_fen"],
        "refunded_subsidy_fen": fact.detail["refunded_subsidy_fen"],
        "refunded_at": moment_text(fact.at),
        "business_date": fact.business_date.isoformat(),
    }


def funders_answer(parts: tuple[FunderPart, ...]) -> list[dict[str, Any]]:
    """Return amounts by funder."""
    return [{"code": part.code, "name": part.name, "amount_fen": part.amount_fen} for part in parts]
