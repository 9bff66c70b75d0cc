"""The control list: who is on it claims nothing, and is not told why."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.transaction import atomic

from core.access.errors import ReasonRequiredError
from core.access.models import Role
from core.access.roles import PermissionRefusedError
from core.approvals.errors import MakerIsCheckerError, PendingExistsError
from core.approvals.models import Approval
from core.approvals.services import approval_decide, approval_withdraw
from core.errors import DomainError, InvalidParametersError, Refusal
from core.models import AuditEvent, Case
from core.states import StateConflictError
from tests.factories.approvals import reject
from tests.factories.audiences import document_number, enrolled
from tests.factories.campaigns import ENDS_AT, OPENED_AT, BatchPlan, campaign_live, later
from tests.factories.claims import claim_command
from tests.factories.controls import (
    AGREED_AT,
    control_agreed,
    control_lifted,
    control_made,
    terms_of,
    token_of,
)
from tests.factories.merchants import LIUZHOU, NANNING, PROVINCE, QINGXIU, client_make
from tests.factories.persons import KINDS, enrolment_make, key_of
from tests.factories.staff import staff_make
from vouchers.identity import IdentityToken, account_token, identity_token
from vouchers.models import Claim, ControlEntry, Enrolment, IdentityHash, IdentityKey
from vouchers.offers import offers_of
from vouchers.services.claim_commands import ClaimOutcome
from vouchers.services.claims import vouchers_claim
from vouchers.services.controls import (
    MOST_DAYS,
    control_lift,
    control_propose,
    control_propose_case,
)

pytestmark = pytest.mark.django_db
REFUSED = (Refusal("claim.risk_refused"),)


def claimed(batch: Any, person: Enrolment, **more: Any) -> ClaimOutcome:
    (outcome,) = vouchers_claim(commands=[claim_command(batch, person, **more)])
    return outcome


def batch_of(region: str = PROVINCE) -> Any:
    """Return a batch of a campaign of a region, whose limits count no card."""
    return campaign_live(region=region, batches=[BatchPlan(limits=())]).batch


@pytest.mark.parametrize("kind", [*KINDS, "CARD", "ACCOUNT"])
def test_any_key_of_a_person_is_enough_and_nothing_is_written(kind: str) -> None:
    batch, person = batch_of(), enrolment_make(kinds=[*KINDS, "CARD", "ACCOUNT"])
    control_agreed(token_of(key_of(person, kind)))
    assert claimed(batch, person).refusals == REFUSED
    assert Claim.objects.count() == 0
    batch.refresh_from_db()
    assert batch.issued == 0
    assert claimed(batch, enrolment_make()).claim


def test_a_number_entered_by_hand_finds_who_enrols_later_by_its_hash_alone() -> None:
    batch, client = batch_of(), client_make()
    number = document_number(7)
    entry = control_agreed(identity_token("DOCUMENT", number))
    later_on, other = enrolled(client, [7, 8])
    assert claimed(batch, later_on).refusals == REFUSED
    assert claimed(batch, other).claim
    kept = [str(one.__dict__) for one in IdentityKey.objects.all()]
    kept += [str(one.__dict__) for one in IdentityHash.objects.all()]
    kept += [str(one.__dict__) for one in (*ControlEntry.objects.all(), *AuditEvent.objects.all())]
    kept += [str(one.__dict__) for one in Approval.objects.all()]
    assert number not in "".join(kept)
    assert str(entry) == f"证件 ****{number[-4:]}"


def test_an_account_and_the_device_of_a_request() -> None:
    batch, (person,) = batch_of(), enrolled(None, [1])
    control_agreed(identity_token("DEVICE", "a-telephone-of-theirs"))
    device = identity_token("DEVICE", "a-telephone-of-theirs")
    assert claimed(batch, person, device=device).refusals == REFUSED
    assert claimed(batch, person, device=identity_token("DEVICE", "another-one")).claim
    control_agreed(account_token(person.client_id, person.external_id))
    assert claimed(batch, person).refusals == REFUSED


def test_a_group_is_refused_one_by_one_and_a_known_request_stays_what_it_was() -> None:
    batch, people = batch_of(), [enrolment_make() for _ in range(3)]
    (known,) = vouchers_claim(commands=[first := claim_command(batch, people[0])])
    for person in people[:2]:
        control_agreed(token_of(key_of(person, "MOBILE")))
    answers = vouchers_claim(commands=[first, *(claim_command(batch, one) for one in people)])
    outcomes = [one.outcome for one in answers]
    assert outcomes == ["REPLAY", "REFUSED", "REFUSED", "ACCEPTED"]
    assert known.claim == answers[0].claim


def test_other_reasons_stand_beside_and_two_entries_say_it_once() -> None:
    batch, person = batch_of(), enrolment_make(level="NONE")
    for kind in ("MOBILE", "DEVICE"):
        control_agreed(token_of(key_of(person, kind)))
    codes = [one.code for one in claimed(batch, person).refusals]
    assert codes == ["claim.realname_required", "claim.risk_refused"]


@pytest.mark.parametrize(
    ("entry", "campaign", "stopped"),
    [
        (PROVINCE, NANNING, True),
        (NANNING, NANNING, True),
        (NANNING, PROVINCE, False),
        (NANNING, LIUZHOU, False),
        (QINGXIU, NANNING, False),
    ],
)
def test_it_holds_for_campaigns_owned_in_its_subtree(
    entry: str, campaign: str, stopped: bool
) -> None:
    person = enrolment_make()
    control_agreed(token_of(key_of(person, "DOCUMENT")), region=entry)
    assert claimed(batch_of(campaign), person).refusals == (REFUSED if stopped else ())


def test_it_holds_from_its_first_to_before_its_last_moment() -> None:
    batch, person = batch_of(), enrolment_make()
    moment = timedelta(microseconds=1)
    begins, ends = later(hours=1), later(hours=2)
    control_agreed(token_of(key_of(person, "DOCUMENT")), valid_from=begins, valid_until=ends)
    answers = [
        bool(claimed(batch, person, at=at).claim)
        for at in (begins - moment, begins, ends - moment, ends)
    ]
    assert answers == [True, False, False, True]


def test_it_waits_for_the_second_person_and_ends_with_two() -> None:
    batch, person = batch_of(), enrolment_make()
    entry = control_made(token_of(key_of(person, "DOCUMENT")))
    assert claimed(batch, person).claim
    approval = Approval.objects.get(kind="voucher.control")
    with pytest.raises(MakerIsCheckerError):
        approval_decide(
            approval_id=approval.pk, checker=entry.created_by, agree=True, now=AGREED_AT
        )
    for role in (Role.RISK_MAKER, Role.CAMPAIGN_CHECKER, Role.LIST_CHECKER):
        with pytest.raises(PermissionRefusedError):
            approval_decide(
                approval_id=approval.pk, checker=staff_make(role), agree=True, now=AGREED_AT
            )
    with pytest.raises(PermissionRefusedError):
        approval_decide(
            approval_id=approval.pk,
            checker=staff_make(Role.RISK_CHECKER, region=NANNING),
            agree=True,
            now=AGREED_AT,
        )
    checker = staff_make(Role.RISK_CHECKER)
    approval_decide(approval_id=approval.pk, checker=checker, agree=True, now=AGREED_AT)
    assert claimed(batch, person).refusals == REFUSED
    asked = control_lift(entry_id=entry.pk, reason="申诉", actor=entry.created_by, now=OPENED_AT)
    with pytest.raises(PendingExistsError):
        control_lift(entry_id=entry.pk, reason="再次", actor=entry.created_by, now=OPENED_AT)
    assert claimed(batch, person).refusals == REFUSED
    approval_decide(approval_id=asked.pk, checker=checker, agree=True, now=OPENED_AT)
    assert claimed(batch, person).claim
    entry.refresh_from_db()
    assert (entry.state, entry.lifted_at, entry.lift_approval) == ("LIFTED", OPENED_AT, asked)
    with pytest.raises(StateConflictError):
        control_lift(entry_id=entry.pk, reason="再次", actor=entry.created_by, now=OPENED_AT)
    actions = AuditEvent.objects.filter(subject_type="vouchers.controlentry").order_by("pk")
    assert (
        list(actions.values_list("action", flat=True))
        == [
            "approval.request",
            "approval.agree",
        ]
        * 2
    )
    # Once lifted, it may be entered again.
    control_agreed(token_of(key_of(person, "DOCUMENT")), now=OPENED_AT)
    assert claimed(batch, person).refusals == REFUSED


@pytest.mark.parametrize("withdrawn", [True, False])
def test_what_is_rejected_or_withdrawn_is_over(withdrawn: bool) -> None:
    batch, person = batch_of(), enrolment_make()
    entry = control_made(token := token_of(key_of(person, "DOCUMENT")))
    approval = Approval.objects.get(kind="voucher.control")
    if withdrawn:
        maker = entry.created_by
        approval_withdraw(approval_id=approval.pk, actor=maker, reason="误录", now=AGREED_AT)
    else:
        reject(approval, now=AGREED_AT)
    entry.refresh_from_db()
    assert entry.state == "REJECTED"
    assert claimed(batch, person).claim
    assert control_agreed(token).state == "IN_FORCE"


def test_a_rejected_lift_leaves_it_in_force() -> None:
    batch, person = batch_of(), enrolment_make()
    entry = control_agreed(token_of(key_of(person, "DOCUMENT")))
    reject(
        control_lift(entry_id=entry.pk, reason="申诉", actor=entry.created_by, now=OPENED_AT),
        now=OPENED_AT,
    )
    assert claimed(batch, person).refusals == REFUSED
    assert control_lifted(entry, now=OPENED_AT).state == "LIFTED"


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"valid_until": AGREED_AT}, "应晚于起始时间和现在"),
        (
            {"valid_from": AGREED_AT - timedelta(days=2), "valid_until": AGREED_AT},
            "应晚于起始时间和现在",
        ),
        ({"valid_until": AGREED_AT + timedelta(days=MOST_DAYS, seconds=1)}, "不得超过 1096 天"),
    ],
)
def test_terms_that_make_no_sense_are_named(terms: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidParametersError) as refused:
        control_made(identity_token("MOBILE", "13900000001"), **terms)
    ((name, text),) = [(one.name, one.reason) for one in refused.value.invalid_params]
    assert name == "valid_until"
    assert reason in text
    assert (ControlEntry.objects.count(), IdentityKey.objects.count()) == (0, 0)


def test_twice_in_one_region_is_refused_and_in_another_not() -> None:
    token = identity_token("MOBILE", "13900000001")
    control_made(token)
    _refused_as_known(token)
    reject(Approval.objects.get(kind="voucher.control"), now=AGREED_AT)
    control_agreed(token)
    _refused_as_known(token)
    control_made(token, region=NANNING)
    control_made(token, valid_from=ENDS_AT, valid_until=ENDS_AT + timedelta(days=1))


def test_a_period_before_one_in_force_stands_beside_it() -> None:
    token = identity_token("MOBILE", "13900000002")
    control_agreed(token, valid_from=ENDS_AT, valid_until=ENDS_AT + timedelta(days=9))
    assert control_agreed(token, valid_until=ENDS_AT).state == "IN_FORCE"
    with pytest.raises(InvalidParametersError):
        control_made(token, valid_until=ENDS_AT + timedelta(seconds=1))


def _refused_as_known(token: IdentityToken) -> None:
    with pytest.raises(InvalidParametersError) as refused:
        control_made(token)
    assert refused.value.invalid_params[0].reason == "该标识在此地区已列入名单，或正待复核"


def test_who_may_and_why() -> None:
    token = identity_token("MOBILE", "13900000001")
    city = staff_make(Role.RISK_MAKER, region=NANNING)
    for actor in (city, staff_make(Role.RISK_CHECKER), staff_make(Role.CAMPAIGN_MAKER)):
        with pytest.raises(PermissionRefusedError):
            control_propose(token=token, terms=terms_of(), actor=actor, now=AGREED_AT)
    with pytest.raises(ReasonRequiredError):
        control_made(token, reason=" ")
    entry = control_agreed(token)
    with pytest.raises(ReasonRequiredError):
        control_lift(entry_id=entry.pk, reason="", actor=entry.created_by, now=OPENED_AT)
    for actor in (city, staff_make(Role.RISK_CHECKER)):
        with pytest.raises(PermissionRefusedError):
            control_lift(entry_id=entry.pk, reason="x", actor=actor, now=OPENED_AT)


def case_make(subject_type: str, subject_id: object, state: str = "UPHELD") -> Case:
    decided = {"decided_at": OPENED_AT, "decision_reason": "属实"} if state == "UPHELD" else {}
    return Case.objects.create(
        campaign_id=campaign_live().campaign.pk,
        subject_type=subject_type,
        subject_id=str(subject_id),
        subject_label="****1234",
        owner_region=NANNING,
        opened_at=OPENED_AT,
        due_on=OPENED_AT.date(),
        state=state,
        **decided,
    )


def test_the_device_of_a_case_that_was_upheld() -> None:
    key = key_of(enrolment_make(), "DEVICE")
    actor = staff_make(Role.RISK_MAKER, region=NANNING)
    terms = terms_of(region=NANNING)

    def propose(case: Case, **more: Any) -> ControlEntry:
        who = {"terms": terms, "actor": actor, "now": AGREED_AT, **more}
        return control_propose_case(case_id=case.pk, **who)

    case = case_make("DEVICE", key.pk)
    entry = propose(case)
    assert (entry.key, entry.case, entry.state) == (key, case, "SUBMITTED")
    with pytest.raises(StateConflictError):
        propose(case_make("DEVICE", key.pk, "OPEN"))
    for other in (case_make("STORE", key.pk), case_make("DEVICE", 10**12)):
        with pytest.raises(InvalidParametersError) as refused:
            propose(other)
        assert refused.value.invalid_params[0].name == "case"
    with pytest.raises(DomainError) as hidden:
        propose(case, actor=staff_make(Role.RISK_MAKER, region=LIUZHOU))
    assert hidden.value.code == "access.not_found"
    with pytest.raises(PermissionRefusedError):
        propose(case, terms=terms_of())


@pytest.mark.parametrize("entries", [0, 3])
def test_it_costs_no_statement(entries: int, django_assert_num_queries: Callable[..., Any]) -> None:
    batch, people = batch_of(), [enrolment_make() for _ in range(3)]
    for place in range(entries):
        control_agreed(identity_token("MOBILE", f"1390000000{place}"))
    with django_assert_num_queries(6):
        vouchers_claim(commands=[claim_command(batch, person) for person in people])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE vouchers_controlentry SET state = 'IN_FORCE'",
        "UPDATE vouchers_controlentry SET state = 'IN_FORCE', approval_id = "
        "(SELECT id FROM core_approval WHERE state = 'PENDING')",
        "UPDATE vouchers_controlentry SET state = 'IN_FORCE', approval_id = "
        "(SELECT id FROM core_approval WHERE kind = 'voucher.control' AND state = 'APPROVED')",
        "UPDATE vouchers_controlentry SET state = 'LIFTED'",
        "UPDATE vouchers_controlentry SET reason = 'x'",
        "UPDATE vouchers_controlentry SET valid_until = valid_until + interval '1 day'",
        "UPDATE vouchers_controlentry SET owner_region = '450200'",
        "DELETE FROM vouchers_controlentry",
        "INSERT INTO vouchers_controlentry (id, key_id, reason, owner_region, valid_from, "
        "valid_until, state, created_by_id, created_at) SELECT gen_random_uuid(), key_id, 'x', "
        "owner_region, valid_from, valid_until, 'IN_FORCE', created_by_id, created_at "
        "FROM vouchers_controlentry",
        "INSERT INTO vouchers_controlentry (id, key_id, reason, owner_region, valid_from, "
        "valid_until, state, created_by_id, created_at) SELECT gen_random_uuid(), key_id, '', "
        "owner_region, valid_from, valid_until, 'SUBMITTED', created_by_id, created_at "
        "FROM vouchers_controlentry WHERE state = 'IN_FORCE'",
        "INSERT INTO vouchers_controlentry (id, key_id, reason, owner_region, valid_from, "
        "valid_until, state, created_by_id, created_at) SELECT gen_random_uuid(), key_id, 'x', "
        "owner_region, valid_until, valid_from, 'SUBMITTED', created_by_id, created_at "
        "FROM vouchers_controlentry WHERE state = 'IN_FORCE'",
        "INSERT INTO vouchers_controlentry (id, key_id, reason, owner_region, valid_from, "
        "valid_until, state, created_by_id, created_at) SELECT gen_random_uuid(), key_id, 'x', "
        "owner_region, valid_from, valid_until, 'SUBMITTED', created_by_id, created_at "
        "FROM vouchers_controlentry WHERE state = 'SUBMITTED'",
    ],
)
def test_the_database_refuses_what_the_service_would_never_do(sql: str) -> None:
    control_agreed(identity_token("MOBILE", "13900000001"))
    control_made(identity_token("MOBILE", "13900000002"))
    before = list(ControlEntry.objects.order_by("pk").values())
    with pytest.raises(DatabaseError), atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert list(ControlEntry.objects.order_by("pk").values()) == before


def test_the_list_of_batches_says_no_more_than_the_claim() -> None:
    here, elsewhere = batch_of(NANNING), batch_of(LIUZHOU)
    person = enrolment_make(kinds=[*KINDS, "CARD"])
    control_agreed(token_of(key_of(person, "CARD")), region=NANNING)
    offers = offers_of(
        [here, elsewhere], client_id=person.client_id, person=person, now=later(hours=1)
    )
    assert [one.refusals for one in offers] == [REFUSED, ()]
    assert [bool(claimed(one, person).claim) for one in (here, elsewhere)] == [False, True]
