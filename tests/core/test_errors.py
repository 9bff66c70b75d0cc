"""The catalogue of codes: complete, in two languages, and rendered from one place."""

import re
import string
from datetime import UTC, datetime

import orjson
import pytest

from core.errors import (
    CATALOGUE,
    DomainError,
    InvalidParametersError,
    Refusal,
    RefusedError,
    Said,
)
from core.errors.problem import (
    CHINESE,
    ENGLISH,
    problem_body,
    problem_document,
    problem_headers,
    problem_language,
)

API_CODES = """
request.malformed_json request.invalid_parameter request.idempotency_key_required
auth.signature_invalid auth.timestamp_out_of_range auth.nonce_replayed auth.key_unknown
auth.key_revoked access.permission_denied access.not_found idempotency.key_reused rate.limited
claim.not_started claim.paused claim.ended claim.sold_out claim.daily_cap_reached
claim.budget_exhausted claim.person_limit claim.same_person_other_account claim.realname_required
claim.out_of_region claim.location_required claim.not_in_audience claim.group_conflict
claim.device_limit claim.risk_refused
voucher.not_found voucher.not_yet_valid voucher.expired voucher.outside_use_hours voucher.held
voucher.redeemed voucher.voided voucher.frozen
code.expired code.used code.device_mismatch code.foreign
redemption.below_threshold redemption.store_not_in_scope redemption.terminal_unmapped
redemption.merchant_suspended redemption.item_not_eligible redemption.flow_not_allowed
redemption.card_not_allowed redemption.stacking_not_allowed redemption.person_limit
redemption.hold_expired redemption.state_conflict redemption.cancel_window_closed
refund.exceeds refund.count_limit refund.too_old infra.try_later
""".split()  # noqa: SIM905 - a list of sixty lines says no more
CHINESE_TEXT = re.compile(r"[一-鿿]")
AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


def test_every_code_of_the_contract_is_listed() -> None:
    assert set(API_CODES) <= set(CATALOGUE)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_has_words_in_both_languages(code: str) -> None:
    text = CATALOGUE[code]
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", code)
    assert 400 <= text.status <= 599
    assert CHINESE_TEXT.search(text.title_zh)
    assert not CHINESE_TEXT.search(text.title_en)
    assert text.title_en
    for chinese, english in [
        (text.detail_zh, text.detail_en),
        (text.remedy_zh, text.remedy_en),
    ]:
        assert bool(chinese) == bool(english)
        # A template may consist of its value alone ("{reason}").
        assert not _words(chinese) or CHINESE_TEXT.search(chinese)
        assert not CHINESE_TEXT.search(english)
        assert _names(chinese) == _names(english)


def _words(template: str) -> str:
    return "".join(text for text, *_ in string.Formatter().parse(template))


def _names(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_words_are_filled_from_the_data() -> None:
    error = DomainError("claim.sold_out", data={"next_release_at": AT})
    chinese = problem_document(error, language=CHINESE, request_id="r1")
    assert chinese == {
        "type": "urn:xfq:problem:claim.sold_out",
        "title": "已领完",
        "status": 409,
        "code": "claim.sold_out",
        "detail": "本轮已领完，2026年3月1日 10:00:00 再次开放领取。",
        "request_id": "r1",
        "data": {"next_release_at": "2026-03-01T10:00:00+08:00"},
    }
    english = problem_document(error, language=ENGLISH, request_id="r1")
    assert english["detail"] == ("This wave is gone; claiming opens again at 2026-03-01 10:00:00.")


def test_without_the_value_the_title_is_the_detail() -> None:
    document = problem_document(DomainError("claim.sold_out"), language=CHINESE, request_id="r")
    assert document["detail"] == "已领完"
    assert "data" not in document


def test_a_value_is_text_not_template() -> None:
    error = DomainError("claim.out_of_region", data={"region_names": "{x}{0.__class__}"})
    document = problem_document(error, language=CHINESE, request_id="r")
    assert document["detail"] == "领取时须位于{x}{0.__class__}。"


def test_goods_of_the_same_number_keep_their_own_names() -> None:
    for name in ("桂花糕", "螺蛳粉"):
        data = {"item": Said("A-1", name, name), "quantity": 2, "found_quantity": 1}
        error = RefusedError([Refusal("redemption.item_not_eligible", data)])
        for document in (
            problem_document(error, language=CHINESE, request_id="r"),
            orjson.loads(problem_body(error, language=CHINESE, request_id="r")),
        ):
            assert document["detail"] == f"本券兑换{name} 2 件，订单中有 1 件。"
            (refusal,) = document["data"]["refusals"]
            assert refusal["detail"] == document["detail"]
            assert refusal["data"]["item"] == "A-1"


def test_a_refusal_lists_all_and_is_named_by_the_first() -> None:
    error = RefusedError(
        [
            Refusal("redemption.below_threshold", {"shortfall_fen": 1014}),
            Refusal("voucher.expired", {"valid_until": AT}),
        ]
    )
    document = problem_document(error, language=CHINESE, request_id="r")
    assert (document["code"], document["status"]) == ("redemption.below_threshold", 422)
    assert document["remedy"] == "再买 10.14 元即可使用。"
    assert document["data"] == {
        "shortfall_fen": 1014,
        "refusals": [
            {
                "code": "redemption.below_threshold",
                "title": "订单金额不足",
                "detail": "还差 10.14 元可用。",
                "remedy": "再买 10.14 元即可使用。",
                "data": {"shortfall_fen": 1014},
            },
            {
                "code": "voucher.expired",
                "title": "消费券已过期",
                "detail": "已于 2026年3月1日 10:00:00 过期。",
                "data": {"valid_until": "2026-03-01T10:00:00+08:00"},
            },
        ],
    }


def test_parameters_are_named_with_their_limit() -> None:
    document = problem_document(
        InvalidParametersError.one("order_fen", "不得大于上限", 100),
        language=CHINESE,
        request_id="r",
    )
    assert document["invalid_params"] == [
        {"name": "order_fen", "reason": "不得大于上限", "limit": 100}
    ]


@pytest.mark.parametrize(
    ("code", "header", "value"),
    [
        ("infra.try_later", "Retry-After", "1"),
        ("rate.limited", "Retry-After", "60"),
        ("auth.key_unknown", "WWW-Authenticate", "XFQ1"),
        ("claim.paused", "Cache-Control", "no-store"),
    ],
)
def test_headers(code: str, header: str, value: str) -> None:
    assert problem_headers(DomainError(code))[header] == value


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", CHINESE),
        ("en", ENGLISH),
        ("en-GB,en;q=0.9", ENGLISH),
        ("zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        ("fr;q=1.0, en;q=0.5, zh;q=0.4", ENGLISH),
        ("fr", CHINESE),
        ("en;q=broken", CHINESE),
        ("en;q=0", CHINESE),
        ("*", CHINESE),
    ],
)
def test_language(header: str, language: str) -> None:
    assert problem_language(header) == language


def test_an_unknown_code_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        DomainError("claim.nonsense")
    with pytest.raises(ValueError, match="catalogue"):
        Refusal("claim.nonsense")
    with pytest.raises(TypeError, match="catalogue"):
        type("NonsenseError", (DomainError,), {"code": "claim.nonsense"})
