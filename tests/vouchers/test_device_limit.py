"""一机多号 at the claim: people per device over the campaign, the claimer among them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.translation import override

from campaigns.definition.document import definition_build
from campaigns.errors import DefinitionInvalidError
from core.errors import Refusal
from core.screening.rules import RuleContext
from tests.factories.campaigns import OPENED_AT, BatchPlan, LiveCampaign, campaign_live, later
from tests.factories.claims import claim_command
from tests.factories.definitions import document_make
from tests.factories.packs import pack_document
from tests.factories.persons import enrolment_make, key_of
from vouchers.identity import IdentityToken, identity_token
from vouchers.models import Claim, Enrolment, EnrolmentKey, IdentityKey, LimitUse
from vouchers.offers import offers_of
from vouchers.rules.model import DeviceRule, rules_read, rules_write
from vouchers.rules.names import ScopeNames
from vouchers.rules.words import rules_words
from vouchers.screening import DeviceRule as ScreeningRule
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim

pytestmark = pytest.mark.django_db
TWO = DeviceRule(persons=2)


def running(*rules: DeviceRule | None) -> LiveCampaign:
    """Return a campaign with a batch for each rule, without limits."""
    return campaign_live(
        batches=[BatchPlan(rules={"device": rule}, limits=(), units=20) for rule in rules]
    )


def phone(name: str = "one-telephone") -> IdentityToken:
    return identity_token("DEVICE", name)


def people(count: int, shared: IdentityKey | None = None) -> list[Enrolment]:
    """Return people of several channels, on devices of their own or on a shared one."""
    return [enrolment_make(shared=[shared] if shared else []) for _ in range(count)]


def refused(persons: int, rule: DeviceRule = TWO) -> tuple[Refusal, ...]:
    data = {"limit": rule.persons, "persons": persons - 1, "days": rule.days}
    return (Refusal("claim.device_limit", data),)


def claimed(batch: Any, person: Enrolment, **more: Any) -> ClaimOutcome:
    (outcome,) = vouchers_claim(commands=[claim_command(batch, person, **more)])
    return outcome


@pytest.mark.parametrize("registered", [True, False])
def test_the_third_person_on_a_device_is_refused_and_the_first_two_go_on(registered: bool) -> None:
    batch = running(TWO).batch
    crowd = people(3, key_of(enrolment_make(), "DEVICE") if registered else None)
    device = None if registered else phone()
    answers = [claimed(batch, person, device=device) for person in crowd]
    assert [one.outcome for one in answers] == ["ACCEPTED", "ACCEPTED", "REFUSED"]
    assert answers[2].refusals == refused(3)
    assert Claim.objects.count() == 2
    assert LimitUse.objects.count() == 0
    # Who has used it already is no new person; on another device the third one may.
    assert claimed(batch, crowd[0], device=device).claim
    if not registered:
        assert claimed(batch, crowd[2], device=phone("his-own-telephone")).claim
        assert claimed(batch, crowd[2]).claim


def test_a_group_is_decided_in_order_of_arrival() -> None:
    batch = running(TWO).batch
    commands = [claim_command(batch, person, device=phone()) for person in people(4)]
    other = claim_command(batch, people(1)[0], device=phone("another-telephone"))
    answers = vouchers_claim(commands=[*commands, other])
    assert [one.outcome for one in answers] == ["ACCEPTED"] * 2 + ["REFUSED"] * 2 + ["ACCEPTED"]
    assert [one.refusals for one in answers[2:4]] == [refused(3), refused(3)]


def test_one_person_with_two_accounts_is_one_and_two_devices_say_the_worse() -> None:
    batch = running(TWO).batch
    first, second, newcomer = people(3)
    again = enrolment_make(shared=[key_of(first, "DOCUMENT")])
    for person in (first, again, second):
        assert claimed(batch, person, device=phone()).claim
    third = enrolment_make(level="NONE", kinds=("MOBILE", "DEVICE"))
    assert claimed(batch, third, device=phone()).refusals[-1:] == refused(3)
    assert Claim.objects.filter(device__isnull=False).count() == 3
    # The device he registered is fine, that of the request is not.
    assert claimed(batch, newcomer, device=phone()).refusals == refused(3)


def test_it_counts_all_batches_of_the_campaign_and_no_other_campaign() -> None:
    live, elsewhere = running(TWO, None), running(TWO)
    first, second, third = people(3)
    for person in (first, second):
        assert claimed(live.batches[1], person, device=phone()).claim
    assert claimed(live.batches[1], third, device=phone()).claim
    fourth = enrolment_make()
    assert claimed(live.batches[0], fourth, device=phone()).refusals == refused(4)
    assert claimed(elsewhere.batch, fourth, device=phone()).claim


def test_a_week_later_it_is_over_to_the_microsecond() -> None:
    batch = running(TWO).batch
    first, second, third = people(3)
    for person in (first, second):
        assert claimed(batch, person, device=phone()).claim
    over = OPENED_AT + timedelta(days=7)
    just_before = over - timedelta(microseconds=1)
    assert claimed(batch, third, device=phone(), at=just_before).refusals == refused(3)
    assert claimed(batch, third, device=phone(), at=over).claim


def test_a_device_given_back_counts_while_it_was_carried() -> None:
    batch = running(TWO).batch
    first, second = people(2, key_of(enrolment_make(), "DEVICE"))
    device = key_of(first, "DEVICE")
    for person in (first, second):
        assert claimed(batch, person).claim
    EnrolmentKey.objects.filter(key=device).update(valid_until=later(hours=1))
    third = enrolment_make(shared=[device])
    assert claimed(batch, third, at=later(hours=2)).refusals == refused(3)


def test_a_repeated_request_wins_and_other_reasons_stand_beside() -> None:
    batch = running(TWO).batch
    crowd = people(3)
    commands = [claim_command(batch, person, device=phone()) for person in crowd[:2]]
    vouchers_claim(commands=commands)
    claimed(running(None).batch, crowd[2], device=phone())
    assert [one.outcome for one in vouchers_claim(commands=commands)] == ["REPLAY"] * 2
    stranger = enrolment_make(level="NONE", kinds=("MOBILE",))
    codes = [one.code for one in claimed(batch, stranger, device=phone()).refusals]
    assert codes == ["claim.realname_required", "claim.device_limit"]


@pytest.mark.parametrize("device", [None, TWO])
def test_it_costs_no_statement(device: DeviceRule | None, django_assert_num_queries: Any) -> None:
    batch = running(device).batch
    commands = [claim_command(batch, person) for person in people(3)]
    # Batches, accounts, and the decision with its time-out; more people make no more.
    with django_assert_num_queries(6):
        vouchers_claim(commands=commands[:1])
    with django_assert_num_queries(6):
        vouchers_claim(commands=commands[1:])


def test_screening_counts_the_same_facts() -> None:
    live = running(DeviceRule(persons=9))
    for person in people(4):
        assert claimed(live.batch, person, device=phone()).claim
    rule, now = ScreeningRule(), later(hours=3)
    context = RuleContext(live.campaign.pk, rule.window_at(now), dict(rule.defaults), now)
    (finding,) = rule.evaluate(context).findings
    assert (finding.evidence["persons"], finding.evidence["claims"]) == (4, 4)
    assert Claim.objects.filter(device_id=int(finding.subject_id)).count() == 4


def test_versions_approved_before_have_no_such_rule() -> None:
    batch = running(TWO).batch
    assert batch.version is not None
    rules = dict(batch.version.rules)
    assert rules["device"] == {"persons": 2, "days": 7}
    del rules["device"]
    assert rules_read(rules).device is None


def document(device: Any) -> dict[str, Any]:
    made = document_make()
    made["batches"][0]["rules"]["device"] = device
    return made


@pytest.mark.parametrize(
    ("device", "path", "reason"),
    [
        ({"persons": 0}, ".persons", "应≥ 1"),
        ({"persons": 1_001}, ".persons", "应≤ 1000"),
        ({"persons": 8, "days": 0}, ".days", "应≥ 1"),
        ({"persons": 8, "days": 367}, ".days", "应≤ 366"),
        ({"days": 7}, ".persons", "缺少必填字段"),
        ({"persons": 8, "per": "day"}, ".per", "没有这个字段"),
    ],
)
def test_what_is_wrong_is_named(device: Any, path: str, reason: str) -> None:
    with pytest.raises(DefinitionInvalidError) as caught:
        definition_build(document(device))
    assert [(one.name, one.reason) for one in caught.value.invalid_params] == [
        (f"batches[0].rules.device{path}", reason)
    ]


def test_a_part_of_a_pack_leaves_it_to_its_pack() -> None:
    made = pack_document()
    index = next(
        place for place, one in enumerate(made["batches"]) if one["rules"].get("issuing") == "PACK"
    )
    made["batches"][index]["rules"]["device"] = {"persons": 8}
    with pytest.raises(DefinitionInvalidError) as caught:
        definition_build(made)
    assert [(one.name, one.reason) for one in caught.value.invalid_params] == [
        (f"batches[{index}].rules.device", "领取条件由券包规定")
    ]


def test_citizens_read_it_in_both_languages() -> None:
    batch = running(TWO).batch
    assert batch.version is not None
    rules = rules_read(batch.version.rules)
    for language, said in (
        ("zh-hans", "同一设备7天内最多2人领取本活动的消费券"),
        (
            "en",
            "At most 2 people claim from this campaign on one device within 7 days",
        ),
    ):
        with override(language):
            assert said in rules_words(rules, face_fen=3_000, names=ScopeNames())
    assert rules_read(rules_write(rules)) == rules


def test_the_list_of_batches_says_so_beforehand() -> None:
    live = running(TWO, None)
    shared = key_of(enrolment_make(), "DEVICE")
    crowd = people(3, shared)
    told = {}
    for person in crowd:
        told = {
            offer.batch.pk: offer.refusals
            for offer in offers_of(
                live.batches, client_id=person.client_id, person=person, now=OPENED_AT
            )
        }
        claimed(live.batch, person)
    assert told == {live.batches[0].pk: refused(3), live.batches[1].pk: ()}
    (first,) = offers_of(
        live.batches[:1], client_id=crowd[0].client_id, person=crowd[0], now=OPENED_AT
    )
    assert first.refusals == ()
