"""Personal data: one spelling, versioned keyed hashes, masked tails, nothing raw."""

import hashlib
import hmac

import pytest
from pytest_django import Settings

from core import pii
from core.errors import InvalidParametersError

RESIDENT = "11010519491231002X"  # the example of GB 11643


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (pii.DOCUMENT, "11010519491231002x", RESIDENT),
        (pii.DOCUMENT, " 110105 19491231 002X ", RESIDENT),
        (pii.DOCUMENT, "11010519491231002X", RESIDENT),
        (pii.MOBILE, "+86 138-0013-8000", "13800138000"),
        (pii.MOBILE, "008613800138000", "13800138000"),
        (pii.DEVICE, "Device-0001-abc", "Device-0001-abc"),
        (pii.CARD, "tok_62220000 12345678", "tok_6222000012345678"),
        (pii.ACCOUNT, "u", "u"),
    ],
)
def test_one_spelling(kind: str, raw: str, expected: str) -> None:
    assert pii.pii_normalise(kind, raw) == expected


@pytest.mark.parametrize(
    ("kind", "raw", "document_type"),
    [
        (pii.DOCUMENT, "110105194912310021", pii.RESIDENT_ID),
        (pii.DOCUMENT, "110105194913310026", pii.RESIDENT_ID),
        (pii.DOCUMENT, "110105491231002", pii.RESIDENT_ID),
        (pii.DOCUMENT, RESIDENT, "LIBRARY_CARD"),
        (pii.DOCUMENT, "", pii.PASSPORT),
        (pii.DOCUMENT, "830000199001010019", pii.HKMT_RESIDENCE),
        (pii.MOBILE, "12800138000", ""),
        (pii.MOBILE, "1380013800", ""),
        (pii.DEVICE, "short", ""),
        (pii.DEVICE, "device\x00000000", ""),
        (pii.CARD, "设备设备设备设备设备", ""),
        (pii.ACCOUNT, "a" * 129, ""),
    ],
)
def test_wrong_numbers_are_refused_without_repeating_them(
    kind: str, raw: str, document_type: str
) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        pii.pii_hashes(kind, raw, document_type=document_type)
    assert not raw or raw not in str(caught.value)


@pytest.mark.parametrize(
    ("document_type", "raw"),
    [
        (pii.HKMT_RESIDENCE, "830000199001010012"),
        (pii.HKM_PERMIT, "H12345678"),
        (pii.TW_PERMIT, "12345678"),
        (pii.PASSPORT, "E12345678"),
        (pii.FOREIGN_RESIDENT, "ABC123456789012"),
    ],
)
def test_other_documents(document_type: str, raw: str) -> None:
    assert pii.pii_normalise(pii.DOCUMENT, raw, document_type=document_type) == raw


def test_hashes_under_every_pepper_newest_first(settings: Settings) -> None:
    settings.XFQ_PEPPERS = {1: b"old-pepper-0123456789", 2: b"new-pepper-0123456789"}
    message = b"DOCUMENT:RESIDENT_ID\x0011010519491231002X"
    old = hmac.new(b"old-pepper-0123456789", message, hashlib.sha256).hexdigest()
    new = hmac.new(b"new-pepper-0123456789", message, hashlib.sha256).hexdigest()
    assert pii.pii_hashes(pii.DOCUMENT, RESIDENT) == [
        pii.KeyedHash(2, new),
        pii.KeyedHash(1, old),
    ]
    assert pii.pii_hash(pii.DOCUMENT, RESIDENT) == pii.KeyedHash(2, new)


def test_kinds_and_document_types_do_not_share_hashes() -> None:
    digests = {
        pii.pii_hash(pii.DOCUMENT, "12345678", document_type=pii.TW_PERMIT).digest,
        pii.pii_hash(pii.DOCUMENT, "12345678", document_type=pii.PASSPORT).digest,
        pii.pii_hash(pii.DEVICE, "12345678").digest,
        pii.pii_hash(pii.ACCOUNT, "12345678").digest,
    }
    assert len(digests) == 4


def test_tail_shows_at_most_four_characters() -> None:
    assert pii.pii_tail(pii.DOCUMENT, RESIDENT) == "****002X"
    assert pii.pii_tail(pii.MOBILE, "13800138000") == "****8000"
    assert pii.pii_tail(pii.ACCOUNT, "ab") == "****"


@pytest.mark.parametrize(
    ("text", "entered"),
    [
        ("疑似倒卖 13800138000", ""),
        ("电话 138 0013-8000 接听", ""),
        ("１３８００１３８０００", ""),
        ("138\u20110013\u20118000", ""),
        (f"证件{RESIDENT}", ""),
        (f"证件{RESIDENT[:6]} {RESIDENT[6:14]} {RESIDENT[14:].lower()}", ""),
        ("2026-03-06 联系 13800138000", ""),
        ("通行证 h 12345678", "H12345678"),
        ("设备 A-Telephone-0001", "a-telephone-0001"),
    ],
)
def test_a_sentence_with_a_whole_number_is_refused(text: str, entered: str) -> None:
    with pytest.raises(InvalidParametersError) as refused:
        pii.assert_no_number("reason", text, entered=entered)
    (wrong,) = refused.value.invalid_params
    assert (wrong.name, wrong.reason) == ("reason", "不得写完整号码，只写后四位")


@pytest.mark.parametrize(
    ("text", "entered"),
    [
        ("尾号 8000，2026-03-01 - 2026-03-05 套券 12 次", "13800138000"),
        ("2026-03-06 100 张，20260306", ""),
        ("用户 u1 多次", "u1"),
        ("群组 1234567890", ""),
    ],
)
def test_tails_dates_and_counts_are_no_whole_numbers(text: str, entered: str) -> None:
    pii.assert_no_number("reason", text, entered=entered)
