"""Bodies checked the quick way are answered as REST framework's own course answers them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core.api.fields import PublicIdField
from core.api.serializers import StrictSerializer
from core.errors import DomainError
from core.ids import NIL, to_public
from redemption.api.serializers.payments import HoldSerializer, PaymentSerializer
from redemption.api.serializers.redemptions import (
    ConfirmSerializer,
    PaymentCodeSerializer,
    RefundSerializer,
)
from redemption.api.serializers.transactions import TransactionSerializer
from redemption.states import Flow
from vouchers.api.prefixes import BATCH, PERSON, VOUCHER
from vouchers.api.serializers.claims import ClaimSerializer
from vouchers.api.serializers.persons import PersonSerializer
from vouchers.models import Enrolment

pytestmark = pytest.mark.django_db
AT = "2026-03-01T10:00:00+08:00"
PLACE = {"region_code": "450103"}
ITEM = {"category": "food", "quantity": 2, "amount_fen": 100, "name": "米", "sku": "690"}
TENDER = {"kind": "CARD", "amount_fen": 50}
PAYMENT: dict[str, Any] = {
    "flow": Flow.CUSTOMER_SCANS.value,
    "items": [ITEM],
    "location": PLACE,
    "device": "phone",
    "card_bin": "622200",
    "bank_discount_fen": 1,
    "other_discount_fen": 2,
    "order_fen": 200,
    "terminal_no": "00000001",
    "store_no": "S1",
    "voucher_ids": [to_public(VOUCHER, NIL)],
}
BODIES: list[tuple[type[StrictSerializer], dict[str, Any]]] = [
    (
        ClaimSerializer,
        {
            "location": PLACE,
            "device": "phone",
            "batch_id": to_public(BATCH, NIL),
            "person_id": to_public(PERSON, NIL),
        },
    ),
    (
        PersonSerializer,
        {
            "level": Enrolment.Level.values[0],
            "cards": ["card-0001"],
            "devices": [],
            "mobile": None,
            "document": {"number": "1"},
        },
    ),
    (PaymentSerializer, PAYMENT),
    (HoldSerializer, PAYMENT | {"order_no": "T-1", "select": "best"}),
    (
        ConfirmSerializer,
        {"tenders": [TENDER, TENDER], "paid_at": AT, "channel_trade_no": "W1", "paid_fen": 100},
    ),
    (RefundSerializer, {"order_fen": 1, "refund_no": "R1"}),
    (PaymentCodeSerializer, {"voucher_id": to_public(VOUCHER, NIL), "device": "phone"}),
    (
        TransactionSerializer,
        {
            "traded_at": AT,
            "card_bin": "622200",
            "flow": Flow.CUSTOMER_SCANS.value,
            "order_fen": 1,
            "terminal_no": "00000001",
            "store_no": "S1",
            "device": "phone",
            "person_id": to_public(PERSON, NIL),
            "transaction_no": "X1",
        },
    ),
]
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, "", " ", "bad", "x" * 200, "\0", 0, -1, 1.5, True, 10**30),
        *([], [None], [[]], [{}], ["bad"], [ITEM], [TENDER]),
        *({}, {"region_code": None}, {"type": None, "number": "1"}, PLACE),
    ]
)


@st.composite
def spoilt(draw: st.DrawFn, body: dict[str, Any]) -> Any:
    """Draw the body in another order, some members of it missing and some of them wrong."""
    names = draw(st.permutations(sorted(body)))
    missing = draw(st.sets(st.sampled_from(names), max_size=1))
    wrong = draw(
        st.dictionaries(st.sampled_from([*names, "person_id", "other"]), WRONG, max_size=3)
    )
    return {name: body[name] for name in names if name not in missing} | wrong


def said(course: Callable[[Any], Any], body: Any) -> object:
    try:
        return plain(course(body))
    except ValidationError as error:
        return "wrong", error.get_full_details()
    except DomainError as error:
        return error.code, error.data


def plain(value: Any) -> Any:
    """Return checked members with their types: 1 is not True."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return type(value), value


@pytest.mark.parametrize(("kind", "body"), BODIES, ids=[kind.__name__ for kind, _ in BODIES])
def test_the_quick_way_says_what_the_long_one_says(
    kind: type[StrictSerializer], body: dict[str, Any]
) -> None:
    quick, long = kind(), kind()
    assert isinstance(said(quick.run_validation, body), dict)

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(given_body=spoilt(body))
    def agree(given_body: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StrictSerializer, "run_validation", serializers.Serializer.run_validation)
            expected = said(long.run_validation, given_body)
        assert said(quick.run_validation, given_body) == expected

    agree()


def test_of_two_wrong_ids_the_first_of_the_document_is_named_in_whatever_order_they_come() -> None:
    for body in ({"person_id": "bad", "batch_id": "bad"}, {"batch_id": "bad", "person_id": "bad"}):
        assert said(ClaimSerializer().run_validation, body) == (
            "access.not_found",
            {"field": "person_id"},
        )


def test_nothing_longer_than_an_id_is_remembered() -> None:
    field = ClaimSerializer().fields["batch_id"]
    assert isinstance(field, PublicIdField)
    text = to_public(BATCH, NIL)
    remembered = field._from_public
    for wrong in ("x" * 10_000, text + "0", text[:-1], ""):
        with pytest.raises(DomainError):
            field.to_internal_value(wrong)
    assert remembered.cache_info().currsize == 0  # type: ignore[attr-defined]
    assert [field.to_internal_value(text) for _ in range(2)] == [NIL, NIL]
    assert remembered.cache_info()[:2] == (1, 1)  # type: ignore[attr-defined]
