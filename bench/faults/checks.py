"""What must hold after a fault: the log of answers beside the database, and every answer again.

Each check returns what is wrong, in words; nothing wrong is an empty list.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.faults.answers import Answer, Step, granted
from core.ids import to_public
from redemption.models import RedemptionStep
from redemption.states import StepKind
from vouchers.models import Batch, Claim, Voucher

SHOWN = 60
SOLD_OUT = "claim.sold_out"
RIVALLED = frozenset(
    {
        "claim.person_limit",
        "claim.same_person_other_account",
        "voucher.held",
        "voucher.redeemed",
        "redemption.state_conflict",
    }
)
"""What a rival is told whose subject is taken."""
KINDS: dict[Step, StepKind] = {"hold": StepKind.HOLD, "confirm": StepKind.CONFIRM}


def round_check(batch: Batch, answers: Sequence[Answer]) -> list[str]:
    """Compare a round, every answer of which has come, with the rows of its batch."""
    return [
        *answers_check(answers),
        *_claims_check(batch, answers),
        *(line for step in KINDS for line in _steps_check(step, batch, answers)),
        *_counters_check(batch, answers),
    ]


def answers_check(answers: Sequence[Answer]) -> Iterator[str]:
    """Everybody is answered, a key says one thing, and of a subject exactly one key succeeds."""
    said: dict[str, set[bytes]] = defaultdict(set)
    winners: dict[tuple[Step, str], set[str]] = defaultdict(set)
    refusals: dict[tuple[Step, str], set[str]] = defaultdict(set)
    for one in answers:
        subject = one.ask.step, one.ask.subject
        if one.granted:
            said[one.ask.key].add(one.body)
            winners[subject].add(one.ask.key)
        elif one.code in RIVALLED or one.code == SOLD_OUT:
            refusals[subject].add(one.code)
        else:
            yield f"{one.ask.key}: {one.status} {one.code or 'no answer'}"
    yield from (f"{key}: two different answers" for key, bodies in said.items() if len(bodies) > 1)
    yield from (
        f"{subject}: granted to {sorted(keys)}"
        for subject, keys in winners.items()
        if len(keys) > 1
    )
    yield from (
        f"{subject}: refused ({sorted(codes)}) though nobody got it"
        for subject, codes in refusals.items()
        if subject not in winners and codes != {SOLD_OUT}
    )


def _claims_check(batch: Batch, answers: Sequence[Answer]) -> Iterator[str]:
    told: dict[str, tuple[str, tuple[str, ...]]] = {}
    for one in granted(answers, "claim"):
        document = one.document()
        vouchers = tuple(sorted(each["voucher_id"] for each in document["vouchers"]))
        told[one.ask.key] = document["claim_id"], vouchers
    issued: dict[str, list[str]] = defaultdict(list)
    vouchers_kept = Voucher.objects.filter(batch=batch)
    for claim_pk, voucher_pk in vouchers_kept.values_list("claim_id", "pk"):
        issued[to_public("clm", claim_pk)].append(to_public("vch", voucher_pk))
    people: Counter[object] = Counter()
    kept: dict[str, tuple[str, tuple[str, ...]]] = {}
    claims = Claim.objects.filter(batch=batch)
    for pk, key, person in claims.values_list("pk", "idempotency_key", "enrolment_id"):
        claim_id = to_public("clm", pk)
        kept[key] = claim_id, tuple(sorted(issued.pop(claim_id, [])))
        people[person] += 1
    yield from _differences("claim", told, kept)
    yield from (f"claim {one}: has vouchers and no claim" for one in issued)
    yield from (f"person {one}: {number} claims" for one, number in people.items() if number > 1)


def _steps_check(step: Step, batch: Batch, answers: Sequence[Answer]) -> Iterator[str]:
    told = {one.ask.key: one.document()["redemption_id"] for one in granted(answers, step)}
    rows = list(
        RedemptionStep.objects.filter(kind=KINDS[step], redemption__lines__batch=batch).values_list(
            "idempotency_key", "redemption_id"
        )
    )
    kept = {str(key): to_public("rdm", redemption_id) for key, redemption_id in rows}
    yield from _differences(step, told, kept)
    times = Counter(redemption_id for _, redemption_id in rows)
    yield from (f"{step} of {one}: {number} times" for one, number in times.items() if number > 1)
    if len(kept) != len(rows):
        yield f"{step}: {len(rows)} rows of {len(kept)} keys"


def _differences(
    what: str, told: Mapping[str, object], kept: Mapping[str, object]
) -> Iterator[str]:
    for key in sorted(told.keys() | kept.keys()):
        if key not in kept:
            yield f"{what} {key}: answered {told[key]} and lost"
        elif key not in told:
            yield f"{what} {key}: kept as {kept[key]} though no answer said so"
        elif told[key] != kept[key]:
            yield f"{what} {key}: answered {told[key]}, kept {kept[key]}"


def _counters_check(batch: Batch, answers: Iterable[Answer]) -> Iterator[str]:
    batch.refresh_from_db()
    issued = Voucher.objects.filter(batch=batch).count()
    if not issued == batch.issued <= batch.released:
        yield f"{issued} vouchers, issued {batch.issued}, released {batch.released}"
    if issued < batch.released and any(one.code == SOLD_OUT for one in answers):
        yield f"refused as sold out with {batch.released - issued} left"


def replays_check(answers: Sequence[Answer], again: Sequence[Answer]) -> list[str]:
    """Compare first answers with what the same keys were answered later, in the same order."""
    wrong = []
    for first, later in zip(answers, again, strict=True):
        if (later.status, later.body) != (first.status, first.body):
            wrong.append(f"{first.ask.key}: replayed as {later.status} {later.body[:SHOWN]!r}")
        elif not later.replay:
            wrong.append(f"{first.ask.key}: a replay that does not say so")
    return wrong


def to_replay(answers: Iterable[Answer]) -> list[Answer]:
    """Return the successes, one per key."""
    return list({one.ask.key: one for one in answers if one.granted}.values())
