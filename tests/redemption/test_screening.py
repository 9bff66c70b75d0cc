"""The five first rules on tiny worlds: what they find, and honest worlds that freeze nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from core.access.models import Role
from core.models import Case, Hit
from core.screening.rules import Rule, RuleContext, rules
from core.screening.services import rules_run
from merchants.models import Terminal
from redemption.screening.insiders import InsiderRule
from redemption.screening.quick import QuickRule
from redemption.screening.runs import RunRule
from redemption.screening.services import screening_run
from redemption.screening.splits import SplitRule
from redemption.services.confirm import redemptions_confirm
from redemption.services.hold import redemptions_hold
from redemption.settlement.models import FrozenFact
from tests.factories.campaigns import BatchPlan, later
from tests.factories.claims import vouchers_issued
from tests.factories.merchants import merchant_staff_make, store_make, terminal_make
from tests.factories.persons import enrolment_make, key_of
from tests.factories.redemption import Shop, accepted, confirm_command, hold_command, shop_make
from tests.redemption.test_hold_confirm import FREE
from tests.support.admin import Staff
from vouchers.models import Enrolment, EnrolmentKey, IdentityHash, IdentityKey
from vouchers.screening import DeviceRule

pytestmark = pytest.mark.django_db

NOON = later(hours=4)
AFTERNOON = later(hours=6)
EVENING = later(hours=13)
PLENTY = BatchPlan(units=200, limits=(), rules=FREE)


def redeem(
    shop: Shop,
    moments: Sequence[datetime],
    *,
    people: Sequence[Enrolment] = (),
    order_fen: int = 23_456,
    terminal: Terminal | None = None,
    tier: int = 0,
    claimed_at: datetime | None = None,
) -> list[UUID]:
    """Redeem one voucher at each moment through the services; new people unless given."""
    vouchers = vouchers_issued(
        shop.live.batches[tier],
        len(moments),
        enrolments=people,
        at=claimed_at or later(minutes=1),
    )
    till = terminal or shop.terminal
    holds = [
        hold_command(
            shop.payment(
                voucher=voucher,
                at=at,
                order_fen=order_fen,
                store_no=till.store.store_no,
                terminal_no=till.terminal_no,
            )
        )
        for voucher, at in zip(vouchers, moments, strict=True)
    ]
    ids = accepted(redemptions_hold(commands=holds))
    accepted(
        redemptions_confirm(
            commands=[confirm_command(pk, at=at) for pk, at in zip(ids, moments, strict=True)]
        )
    )
    return ids


def every(seconds: int, count: int, start: datetime = NOON) -> list[datetime]:
    """Return ``count`` moments, ``seconds`` apart."""
    return [start + timedelta(seconds=seconds * number) for number in range(count)]


def found(shop: Shop, rule: Rule, now: datetime = EVENING) -> list[tuple[str, int]]:
    """Evaluate a rule alone; return subject and number of facts of its findings."""
    context = RuleContext(shop.live.campaign.pk, rule.window_at(now), dict(rule.defaults), now)
    return [
        (finding.subject_id, len(finding.fact_ids)) for finding in rule.evaluate(context).findings
    ]


def screened(shop: Shop) -> dict[str, object]:
    """Run every rule; return the rules that hit and the fen frozen."""
    rules_run(campaign_ids=[shop.live.campaign.pk], now=EVENING)
    return {
        "rules": sorted(set(Hit.objects.values_list("rule", flat=True))),
        "frozen": sum(Case.objects.values_list("frozen_fen", flat=True)),
    }


def test_the_five_rules_are_registered() -> None:
    assert {rule.id for rule in rules()} >= {"FC2", "FM6", "FM7", "FM10", "FM13"}


@pytest.mark.parametrize(
    ("seconds", "count", "hits"), [(59, 10, 1), (60, 10, 0), (59, 9, 0), (5, 30, 1)]
)
def test_fm6_runs_at_one_till(seconds: int, count: int, hits: int) -> None:
    shop = shop_make(batches=[PLENTY])
    redeem(shop, every(seconds, count))
    expected = [(str(shop.store.pk), count)] if hits else []
    assert found(shop, RunRule()) == expected


def test_fm6_counts_each_till_by_itself() -> None:
    shop = shop_make(batches=[PLENTY])
    second = terminal_make(shop.store, shop.terminal.acquirer)
    redeem(shop, every(40, 9))
    redeem(shop, every(40, 9, NOON + timedelta(seconds=20)), terminal=second)
    assert found(shop, RunRule()) == []


def test_fm7_needs_enough_facts_and_the_share() -> None:
    shop = shop_make(batches=[PLENTY])
    claimed = later(hours=5)
    quick = every(14, 12, claimed + timedelta(seconds=120))
    redeem(shop, quick, claimed_at=claimed)
    rule = QuickRule()
    context = RuleContext(
        shop.live.campaign.pk, rule.window_at(EVENING), dict(rule.defaults), EVENING
    )
    assert rule.evaluate(context).insufficient
    redeem(shop, every(300, 8, AFTERNOON))
    assert found(shop, QuickRule()) == [(str(shop.store.pk), 12)]
    redeem(shop, every(300, 1, AFTERNOON + timedelta(hours=2)))
    assert found(shop, QuickRule()) == []


def insider(shop: Shop, person: Enrolment, kind: str = "MOBILE") -> None:
    """Register a key of a person as one of the merchant's staff."""
    digest = f"{person.pk.hex:0>64}"[:64]
    key = key_of(person, kind)
    IdentityHash.objects.create(key=key, kind=kind, pepper_version=1, key_hash=digest)
    merchant_staff_make(shop.store.merchant, key_kind=kind, key_hash=digest)


def test_fm10_finds_staff_by_any_key_and_freezes_alone() -> None:
    shop = shop_make(batches=[PLENTY])
    cashier = enrolment_make()
    insider(shop, cashier, "DEVICE")
    ids = redeem(shop, [NOON], people=[cashier])
    assert found(shop, InsiderRule()) == []
    ids += redeem(shop, [AFTERNOON], people=[cashier])
    assert found(shop, InsiderRule()) == [(str(shop.store.pk), 2)]
    # 2 × (20.00 + 7.00) of the cash funders; the concession is never paid out.
    assert screened(shop) == {"rules": ["FM10"], "frozen": 5_400}
    assert set(FrozenFact.objects.values_list("redemption_id", flat=True)) == set(ids)
    case = Case.objects.get()
    assert (case.subject_type, case.subject_id) == ("STORE", str(shop.store.pk))
    assert case.hits.get().evidence["insiders"] == ["STAFF 138****0000"]
    assert rules_run(campaign_ids=[shop.live.campaign.pk], now=EVENING).hits == 0


def test_fm10_says_with_figures_what_speaks_against() -> None:
    shop = shop_make(batches=[PLENTY])
    cashier, regular = enrolment_make(), enrolment_make()
    insider(shop, cashier)
    redeem(shop, [NOON, AFTERNOON], people=[cashier, cashier])
    redeem(shop, every(3_600, 4, NOON + timedelta(minutes=7)))
    redeem(shop, every(3_600, 2, NOON + timedelta(minutes=9)), people=[regular, regular])
    # Another store of the campaign does not count.
    redeem(shop_make(batches=[PLENTY]), [NOON])
    screened(shop)
    hit = Hit.objects.get(rule="FM10")
    assert hit.evidence["against"] == {
        "store_redemptions": 8,
        "others_redemptions_bp": 7_500,
        "store_persons": 6,
        "others_persons_bp": 8_333,
        "most_in_a_day": 2,
        "own_money_fen": 2 * (23_456 - 3_000),
    }
    page = Staff.of(Role.RISK_MAKER)
    text = page.html(page.page_url(hit.case))
    lines = (
        "本店同期全部核销笔数：8",
        "核销笔数中非关联人员占比：75.00%",
        "本店同期核销顾客人数：6",
        "顾客人数中非关联人员占比：83.33%",
        "同一关联人员单日最多笔数：2",
        "关联人员自付金额（元）：409.12",
    )
    places = [text.index(line) for line in lines]
    assert places == sorted(places)


def test_fm10_without_other_customers_says_so() -> None:
    shop = shop_make(batches=[PLENTY])
    cashier = enrolment_make()
    insider(shop, cashier)
    redeem(shop, [NOON, AFTERNOON], people=[cashier, cashier])
    screened(shop)
    against = Hit.objects.get(rule="FM10").evidence["against"]
    assert (against["others_redemptions_bp"], against["others_persons_bp"]) == (0, 0)


def test_fm10_takes_one_of_the_top_tier_for_enough() -> None:
    tiers = [PLENTY, BatchPlan(face_fen=1_000, threshold_fen=5_000, limits=(), rules=FREE)]
    shop = shop_make(batches=tiers)
    cashier = enrolment_make()
    insider(shop, cashier)
    redeem(shop, [NOON], people=[cashier], tier=1)
    assert found(shop, InsiderRule()) == []
    redeem(shop, [AFTERNOON], people=[cashier], tier=0)
    assert found(shop, InsiderRule()) == [(str(shop.store.pk), 2)]


def test_fm10_lets_staff_shop_elsewhere() -> None:
    shop = shop_make(batches=[PLENTY])
    other = store_make()
    cashier = enrolment_make()
    digest = "f" * 64
    IdentityHash.objects.create(
        key=key_of(cashier, "MOBILE"), kind="MOBILE", pepper_version=1, key_hash=digest
    )
    merchant_staff_make(other.merchant, key_kind="MOBILE", key_hash=digest)
    redeem(shop, [NOON], people=[cashier])
    redeem(shop, [AFTERNOON], people=[cashier])
    assert found(shop, InsiderRule()) == []


@pytest.mark.parametrize(
    ("minutes", "order_fen", "hits"), [(30, 12_000, 2), (31, 12_000, 0), (30, 12_001, 0)]
)
def test_fm13_is_the_same_person_again_just_above_the_threshold(
    minutes: int, order_fen: int, hits: int
) -> None:
    shop = shop_make(batches=[PLENTY])
    person = enrolment_make()
    redeem(shop, [NOON], people=[person], order_fen=10_000)
    redeem(shop, [NOON + timedelta(minutes=minutes)], people=[person], order_fen=order_fen)
    expected = [(str(shop.store.pk), hits)] if hits else []
    assert found(shop, SplitRule()) == expected


def test_fm13_knows_a_person_by_his_document_in_two_channels() -> None:
    shop = shop_make(batches=[PLENTY])
    first = enrolment_make()
    second = enrolment_make(shared=[key_of(first, "DOCUMENT")])
    redeem(shop, [NOON], people=[first], order_fen=10_000)
    redeem(shop, [NOON + timedelta(minutes=5)], people=[second], order_fen=10_500)
    assert found(shop, SplitRule()) == [(str(shop.store.pk), 2)]


def family_make(size: int) -> list[Enrolment]:
    """Return people with documents of their own on one device."""
    phone = IdentityKey.objects.create(kind="DEVICE", masked="****0001")
    first = enrolment_make(shared=[phone])
    return [first, *(enrolment_make(first.client, shared=[phone]) for _ in range(size - 1))]


@pytest.mark.parametrize(("size", "level"), [(3, None), (4, "REVIEW"), (7, "REVIEW"), (8, "BLOCK")])
def test_fc2_counts_people_per_device(size: int, level: str | None) -> None:
    shop = shop_make(batches=[PLENTY])
    people = family_make(size)
    vouchers_issued(shop.batch, size, enrolments=people, at=NOON)
    screened(shop)
    levels = [hit.evidence["level"] for hit in Hit.objects.filter(rule="FC2")]
    assert levels == ([] if level is None else [level])
    assert sum(Case.objects.values_list("frozen_fen", flat=True)) == 0


def test_fc2_sees_one_person_with_two_accounts_as_one() -> None:
    shop = shop_make(batches=[PLENTY])
    people = family_make(3)
    again = enrolment_make(
        people[0].client,
        shared=[key_of(people[0], "DEVICE"), key_of(people[0], "DOCUMENT")],
    )
    vouchers_issued(shop.batch, 4, enrolments=[*people, again], at=NOON)
    assert found(shop, DeviceRule()) == []


def test_two_families_freeze_the_settlement_of_what_they_found() -> None:
    shop = shop_make(batches=[PLENTY])
    person = enrolment_make()
    redeem(shop, every(20, 12))
    redeem(shop, [AFTERNOON], people=[person], order_fen=10_000)
    redeem(shop, [AFTERNOON + timedelta(minutes=3)], people=[person], order_fen=10_100)
    assert screened(shop) == {"rules": ["FM13", "FM6"], "frozen": 14 * 2_700}


# -- hard negatives (screening.md): seen perhaps, frozen never --------------------------------


def test_a_canteen_at_noon_and_a_tour_group_freeze_nothing() -> None:
    canteen = shop_make(batches=[PLENTY])
    redeem(canteen, every(20, 25))
    assert screened(canteen) == {"rules": ["FM6"], "frozen": 0}
    against = Hit.objects.get().evidence["against"]
    assert against == {"distinct_persons_bp": 10_000, "at_meal_time_bp": 10_000}


def test_an_opening_day_freezes_nothing() -> None:
    shop = shop_make(batches=[PLENTY])
    claimed = later(hours=5)
    redeem(shop, every(10, 25, claimed + timedelta(seconds=30)), claimed_at=claimed)
    assert screened(shop) == {"rules": ["FM6", "FM7"], "frozen": 0}


def test_honest_top_up_to_the_threshold_is_not_seen() -> None:
    shop = shop_make(batches=[PLENTY])
    redeem(shop, every(120, 25), order_fen=10_000)
    assert screened(shop) == {"rules": [], "frozen": 0}


def test_a_family_on_one_phone_at_one_dinner_freezes_nothing() -> None:
    shop = shop_make(batches=[PLENTY])
    people = family_make(3)
    redeem(shop, every(60, 3, later(hours=10)), people=people, order_fen=10_500)
    assert screened(shop) == {"rules": ["FM13"], "frozen": 0}
    assert Hit.objects.get().evidence["against"]["same_device_only_bp"] == 10_000


def test_a_refund_wave_leaves_nothing_to_screen_and_a_lone_shopper_is_no_insider() -> None:
    shop = shop_make(batches=[PLENTY])
    redeem(shop, every(3_000, 5))
    assert screened(shop) == {"rules": [], "frozen": 0}


def test_screening_covers_every_campaign_under_way() -> None:
    shop = shop_make(batches=[PLENTY])
    redeem(shop, every(20, 12))
    screening_run(EVENING)
    assert Hit.objects.count() == 1
    screening_run(EVENING)
    assert Hit.objects.count() == 1


def test_a_key_given_back_no_longer_counts() -> None:
    shop = shop_make(batches=[PLENTY])
    people = family_make(4)
    EnrolmentKey.objects.filter(enrolment=people[0], kind="DEVICE").update(
        valid_until=later(minutes=1)
    )
    vouchers_issued(shop.batch, 4, enrolments=people, at=NOON)
    assert found(shop, DeviceRule()) == []
