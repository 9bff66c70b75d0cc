"""Claims as channels ask for them: in words the person may read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from core.errors import Refusal
from vouchers.rules.refusals import person_limit, same_person_other_account
from vouchers.selectors import KeyRef, identity_keys_of
from vouchers.services.claim_commands import ClaimCommand, ClaimOutcome
from vouchers.services.claims import vouchers_claim

LIMIT_CODES = frozenset({"claim.person_limit", "claim.same_person_other_account"})
_COUNTED = ("DOCUMENT", "MOBILE", "DEVICE", "CARD", "ACCOUNT")


def claims_request(*, commands: Sequence[ClaimCommand]) -> list[ClaimOutcome]:
    """Decide claims of channels (`vouchers_claim`); outcomes in the order of the commands.

    Limit refusals say which key was used, masked. Batches a client may not know of are
    ``access.not_found``, and so are accounts of another client as long as there is a unit left.
    """
    return _readable(commands, vouchers_claim(commands=commands))


def _readable(
    commands: Sequence[ClaimCommand], outcomes: Sequence[ClaimOutcome]
) -> list[ClaimOutcome]:
    """Put limit refusals into what the person may read; asks for his keys only if one is there."""
    limited = {
        index
        for index, outcome in enumerate(outcomes)
        if any(refusal.code in LIMIT_CODES for refusal in outcome.refusals)
    }
    if not limited:
        return list(outcomes)
    carried = identity_keys_of({commands[index].enrolment_id for index in limited}, _COUNTED)
    return [
        outcome._replace(refusals=_spelt(outcome.refusals, commands[index], carried))
        if index in limited
        else outcome
        for index, outcome in enumerate(outcomes)
    ]


def _spelt(
    refusals: Sequence[Refusal],
    command: ClaimCommand,
    carried: Mapping[UUID, Sequence[KeyRef]],
) -> tuple[Refusal, ...]:
    masks: dict[str, list[str]] = defaultdict(list)
    for key in carried[command.enrolment_id]:
        masks[key.kind].append(key.masked)
    if command.device and command.device.masked not in masks["DEVICE"]:
        masks["DEVICE"].append(command.device.masked)
    spelt = []
    for refusal in refusals:
        data = refusal.data
        if refusal.code == "claim.person_limit":
            spelt.append(person_limit(window=data["window"], limit=data["cap"], used=data["used"]))
        elif refusal.code == "claim.same_person_other_account":
            kind = data["kind"]
            spelt.append(
                same_person_other_account(
                    window=data["window"],
                    limit=data["cap"],
                    kind=kind,
                    masked="、".join(masks[kind]),
                )
            )
        else:
            spelt.append(refusal)
    # Two devices of one person say the same in words.
    return tuple(one for place, one in enumerate(spelt) if one not in spelt[:place])
