"""Instant discounts: issued by the payment itself, under every rule of their batch."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from campaigns.definition.document import definition_build
from campaigns.errors import DefinitionInvalidError
from core.models import Account, Client
from redemption.models import Redemption
from redemption.services.confirm import redemptions_confirm
from redemption.services.earmarks import earmarks_return
from redemption.services.facts import StepOutcome
from redemption.services.hold import redemptions_hold
from redemption.services.quote import redemptions_quote
from redemption.services.unhold import redemptions_release
from tests.factories.campaign_plans import ANYWHERE
from tests.factories.campaigns import BatchPlan
from tests.factories.claims import claim_command, vouchers_issued
from tests.factories.definitions import document_make
from tests.factories.merchants import client_make
from tests.factories.persons import enrolment_make
from tests.factories.redemption import (
    AT,
    Shop,
    accepted,
    confirm_command,
    hold_command,
    release_command,
    shop_make,
)
from tests.invariants.helpers import checks_failing
from tests.redemption.api_world import PayWorld
from vouchers.models import Claim, Enrolment, Voucher
from vouchers.offers import batches_offered
from vouchers.rules.benefit_model import RandomBenefit
from vouchers.rules.model import LimitRule, UseScope, Validity
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db
ONCE = LimitRule(
    code="once", side="CLAIM", scope="BATCH", window="TOTAL", count=1, keys=("DOCUMENT", "DEVICE")
)


def instant(**plan: Any) -> BatchPlan:
    """Return 满50立减20, once per person."""
    fields: dict[str, Any] = {"face_fen": 2_000, "threshold_fen": 5_000, "units": 2}
    return BatchPlan(**{**fields, "limits": (ONCE,), "rules": {"issuing": "PAYMENT"}, **plan})


@pytest.fixture
def person() -> Enrolment:
    return enrolment_make(client_make(Client.Kind.CHANNEL))


def hold(
    shop: Shop, person: Enrolment, *, key: str = "", order_no: str = "", **more: Any
) -> StepOutcome:
    payment = shop.payment(person_id=person.pk, **{"client_id": person.client_id, **more})
    (outcome,) = redemptions_hold(commands=[hold_command(payment, key=key, order_no=order_no)])
    return outcome


def codes(outcome: StepOutcome) -> list[str]:
    return [refusal.code for refusal in outcome.refusals]


def test_a_payment_is_given_its_discount(person: Enrolment) -> None:
    shop = shop_make(batches=[instant()])
    outcome = hold(shop, person)
    assert outcome.fact is not None
    assert (outcome.fact.subsidy_fen, outcome.fact.payer_fen) == (2_000, 8_000)
    voucher = Voucher.objects.get()
    assert (voucher.state, voucher.enrolment_id, voucher.issued_at) == ("HELD", person.pk, AT)
    accepted(redemptions_confirm(commands=[confirm_command(outcome.fact.redemption_id)]))
    assert Voucher.objects.get().state == "REDEEMED"
    # Once per person: the next payment is told so.
    assert codes(hold(shop, person)) == ["claim.person_limit"]
    assert Claim.objects.count() == 1
    assert checks_failing() == {}


def test_a_hold_that_is_repeated_issues_nothing_new(person: Enrolment) -> None:
    shop = shop_make(batches=[instant(limits=())])
    first = hold(shop, person, key="till-key-00000001", order_no="O-1")
    second = hold(shop, person, key="till-key-00000001", order_no="O-1")
    assert (first.outcome, second.outcome) == ("ACCEPTED", "REPLAY")
    assert Voucher.objects.count() == Redemption.objects.count() == 1


def test_what_is_given_back_is_used_next_time(person: Enrolment) -> None:
    shop = shop_make(batches=[instant()])
    outcome = hold(shop, person)
    assert outcome.fact is not None
    accepted(redemptions_release(commands=[release_command(outcome.fact.redemption_id)]))
    later = AT + timedelta(minutes=1)
    again = hold(shop, person, at=later)
    assert again.fact is not None
    assert Voucher.objects.count() == 1


def test_the_better_of_voucher_and_discount_applies(person: Enrolment) -> None:
    shop = shop_make(batches=[BatchPlan(limits=()), instant(limits=())])
    (own,) = vouchers_issued(shop.batch, enrolments=[person])
    outcome = hold(shop, person)
    assert outcome.fact is not None
    assert outcome.fact.subsidy_fen == 3_000
    assert Voucher.objects.count() == 1
    # Below its threshold of 100.00 the discount is the only one.
    outcome = hold(shop, person, order_fen=9_999)
    assert outcome.fact is not None
    assert outcome.fact.subsidy_fen == 2_000
    own.refresh_from_db()
    assert own.state == "HELD"


def test_sold_out_falls_back_on_what_is_in_the_wallet(person: Enrolment) -> None:
    shop = shop_make(batches=[BatchPlan(face_fen=1_000, limits=()), instant(units=1, limits=())])
    vouchers_issued(shop.batch, enrolments=[person])
    stranger = enrolment_make(person.client)
    assert hold(shop, stranger).fact is not None
    outcome = hold(shop, person)
    assert outcome.fact is not None
    assert outcome.fact.subsidy_fen == 1_000
    assert codes(hold(shop, enrolment_make(person.client))) == ["voucher.not_found"]


def test_two_payments_of_one_group_share_the_last_unit() -> None:
    shop = shop_make(batches=[instant(units=1, limits=())])
    client = client_make(Client.Kind.CHANNEL)
    people = [enrolment_make(client) for _ in range(2)]
    outcomes = redemptions_hold(
        commands=[
            hold_command(shop.payment(person_id=one.pk, client_id=client.pk)) for one in people
        ]
    )
    assert [one.outcome for one in outcomes] == ["ACCEPTED", "REFUSED"]
    assert codes(outcomes[1]) == ["claim.sold_out"]
    assert Voucher.objects.count() == 1


def test_a_quote_issues_nothing_and_says_what_speaks_against_it(person: Enrolment) -> None:
    shop = shop_make(batches=[instant()])
    payment = shop.payment(person_id=person.pk, client_id=person.client_id)
    (outcome,) = redemptions_quote(payments=[payment])
    assert outcome.quote is not None
    (usable,) = outcome.quote.usable
    assert (usable.offered, usable.amounts.subsidy_fen) == (True, 2_000)
    assert not Voucher.objects.exists()
    small = shop.payment(person_id=person.pk, client_id=person.client_id, order_fen=4_999)
    (outcome,) = redemptions_quote(payments=[small])
    assert outcome.quote is not None
    (unusable,) = outcome.quote.unusable
    assert [one.code for one in unusable.refusals] == ["redemption.below_threshold"]
    held = hold(shop, person)
    assert held.fact is not None
    accepted(redemptions_confirm(commands=[confirm_command(held.fact.redemption_id)]))
    (outcome,) = redemptions_quote(payments=[payment])
    assert outcome.quote is not None
    (unusable,) = outcome.quote.unusable
    assert [one.code for one in unusable.refusals] == ["claim.person_limit"]


def test_other_stores_know_nothing_of_it(person: Enrolment) -> None:
    shop = shop_make(batches=[instant(use=UseScope(whitelist=False, industries=("HOTEL",)))])
    payment = shop.payment(person_id=person.pk, client_id=person.client_id)
    (outcome,) = redemptions_quote(payments=[payment])
    assert outcome.quote is not None
    assert (outcome.quote.usable, outcome.quote.unusable) == ((), ())
    assert codes(hold(shop, person)) == ["voucher.not_found"]


def test_nobody_claims_it(person: Enrolment) -> None:
    shop = shop_make(batches=[instant(use=ANYWHERE)])
    (outcome,) = vouchers_claim(commands=[claim_command(shop.batch, person, at=AT)])
    assert [refusal.code for refusal in outcome.refusals] == ["access.not_found"]
    assert not batches_offered(shop.live.campaign.owner_region, now=AT).exists()


def test_a_till_scans_the_code_and_the_quote_names_the_batch() -> None:
    shop = shop_make(batches=[BatchPlan(face_fen=500), instant(units=9)])
    world = PayWorld.of(shop)
    code = world.code_make()
    quote = world.till.post("/api/v1/redemptions/quote", world.payment(payment_code=code)).json()
    assert [(one["voucher_id"] is None, one["subsidy_fen"]) for one in quote["usable"]] == [
        (True, 2_000),
        (False, 500),
    ]
    held = world.till.post("/api/v1/redemptions", world.hold(payment_code=code))
    assert (held.status_code, held.json()["subsidy_fen"]) == (201, 2_000)
    wallet = world.channel.get("/api/v1/vouchers", {"person_id": world.person_id}).json()
    assert sorted(one["state"] for one in wallet["items"]) == ["ACTIVE", "HELD"]


def test_a_random_discount_is_drawn_at_the_payment_and_the_rest_comes_back() -> None:
    benefit = RandomBenefit(min_fen=100, threshold_fen=5_000)
    validity = Validity(mode="HOURS", value=1)
    shop = shop_make(batches=[instant(units=40, limits=(), benefit=benefit, validity=validity)])
    client = client_make(Client.Kind.CHANNEL)
    people = [enrolment_make(client) for _ in range(40)]
    payments = [shop.payment(person_id=one.pk, client_id=client.pk) for one in people]
    (quoted,) = redemptions_quote(payments=payments[:1])
    assert quoted.quote is not None
    assert quoted.quote.usable[0].amounts.subsidy_fen == 100
    held = accepted(redemptions_hold(commands=[hold_command(one) for one in payments]))
    accepted(redemptions_confirm(commands=[confirm_command(one) for one in held]))
    taken = list(Redemption.objects.values_list("subsidy_fen", flat=True))
    assert len(set(taken)) > 30
    assert 100 <= min(taken) < 600
    assert 1_500 < max(taken) <= 2_000
    kept = Account.objects.filter(kind="EARMARKED", unit_id=shop.batch.pk)
    assert sum(kept.values_list("balance_fen", flat=True)) == 40 * 2_000 - sum(taken)
    over = AT + timedelta(hours=2)
    # Of a voucher that drew its face nothing is kept.
    assert earmarks_return(now=over) == sum(fen < 2_000 for fen in taken)
    assert sum(kept.values_list("balance_fen", flat=True)) == 0
    assert checks_failing() == {}


def test_an_order_that_the_largest_draw_would_eat_up_is_refused(person: Enrolment) -> None:
    benefit = RandomBenefit(min_fen=100, threshold_fen=5_000)
    shop = shop_make(batches=[instant(limits=(), benefit=benefit)])
    outcome = hold(shop, person, order_fen=5_000, other_discount_fen=3_000)
    (refusal,) = outcome.refusals
    assert (refusal.code, refusal.data["shortfall_fen"]) == ("redemption.below_threshold", 1)
    assert not Voucher.objects.exists()
    assert hold(shop, person, order_fen=5_001, other_discount_fen=3_000).fact is not None


def test_the_budget_covers_what_is_expected() -> None:
    document = document_make()
    (batch,) = document["batches"]
    batch |= {"face_fen": 3_000, "units": 190}
    batch["releases"] = [batch["releases"][0] | {"units": 190}]
    batch["rules"] |= {
        "issuing": "PAYMENT",
        "benefit": {"type": "RANDOM", "min_fen": 100, "threshold_fen": 10_000},
    }
    # 190 × 15.50 = 2,945.00 of 3,000.00; every face would need 5,700.00.
    definition_build(document)
    for change, name in (
        ({"units": 194}, "funders[0].quota_fen"),
        ({"face_fen": 100}, "batches[0].rules.benefit.min_fen"),
    ):
        wrong = deepcopy(document)
        wrong["batches"][0] |= change
        with pytest.raises(DefinitionInvalidError) as refused:
            definition_build(wrong)
        assert name in {one.name for one in refused.value.invalid_params}
    late = deepcopy(document)
    late["batches"][0]["rules"]["validity"] |= {"starts": "NEXT_DAY"}
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(late)
    assert [one.name for one in refused.value.invalid_params] == [
        "batches[0].rules.validity.starts"
    ]
    document["batches"][0]["rules"] |= {"issuing": "CLAIM"}
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(document)
    assert [one.name for one in refused.value.invalid_params] == ["batches[0].rules.issuing"]
