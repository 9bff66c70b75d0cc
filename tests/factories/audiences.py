"""Audiences whose lists were sent in by a maker, made by the real job, and agreed to."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from stdnum.cn import ric

from core.access.models import Client, Role, User
from core.jobs.services import job_run
from tests.factories.approvals import approve
from tests.factories.campaigns import STARTS_AT, BatchPlan
from tests.factories.merchants import PROVINCE, client_make
from tests.factories.staff import staff_make
from vouchers.audiences.limits import IN_FORCE_AFTER
from vouchers.identity import identity_token
from vouchers.models import Audience, AudienceMember, AudienceSnapshot, Enrolment
from vouchers.rules.model import AudienceRule
from vouchers.services.audiences import audience_create, list_start, segment_start, snapshot_submit
from vouchers.services.persons import PersonCommand, persons_register

SENIORS = AudienceRule(code="seniors", name="养老助残卡持卡人", contact="社区服务中心")
"""What a batch says whose audience is `audience_make()`."""
AGREED_AT = STARTS_AT - timedelta(days=1)
_serial = itertools.count(1)


def aimed(**more: Any) -> BatchPlan:
    """Return the plan of a batch for the seniors."""
    return BatchPlan(rules={"audience": SENIORS}, **more)


def document_number(place: int) -> str:
    """Return a made-up resident id with a valid check digit, the same for the same place."""
    body = f"45010219500101{place:03d}"
    return body + str(ric.calc_check_digit(body + "0"))


def mobile_number(place: int) -> str:
    """Return a made-up mobile number."""
    return f"139{place:08d}"


def audience_make(
    code: str = SENIORS.code,
    name: str = SENIORS.name,
    *,
    kind: str = "LIST",
    key_kind: str = "DOCUMENT",
    region: str = PROVINCE,
    maker: User | None = None,
) -> Audience:
    """Return a registered audience without a list."""
    return audience_create(
        code=code,
        name=name,
        kind=kind,
        key_kind=key_kind,
        owner_region=region,
        actor=maker or staff_make(Role.CAMPAIGN_MAKER, region=region),
        now=AGREED_AT,
    )


def list_made(
    audience: Audience,
    lines: Sequence[str] | bytes,
    *,
    mode: str = "REPLACE",
    now: datetime = AGREED_AT,
) -> AudienceSnapshot:
    """Return the list of a CSV with these lines, after its job."""
    snapshot = list_start(
        audience_id=audience.pk,
        name="名单.csv",
        chunks=[lines if isinstance(lines, bytes) else "\n".join(lines).encode()],
        actor=staff_make(Role.CAMPAIGN_MAKER, region=audience.owner_region),
        mode=mode,
        now=now,
    )
    return made(snapshot, now=now)


def segment_made(
    audience: Audience, segment: str, *, now: datetime = AGREED_AT, **parameters: Any
) -> AudienceSnapshot:
    """Return the list of a segment, after its job."""
    snapshot = segment_start(
        audience_id=audience.pk,
        segment=segment,
        parameters=parameters,
        actor=staff_make(Role.CAMPAIGN_MAKER, region=audience.owner_region),
        now=now,
    )
    return made(snapshot, now=now)


def made(snapshot: AudienceSnapshot, *, now: datetime = AGREED_AT) -> AudienceSnapshot:
    """Run the job of a list."""
    assert snapshot.check_job is not None
    job = job_run(job_id=snapshot.check_job.pk, now=now)
    assert job is not None
    assert job.state == "DONE", job.message
    snapshot.refresh_from_db()
    return snapshot


def agreed(snapshot: AudienceSnapshot, *, now: datetime = AGREED_AT) -> datetime:
    """Let another person agree to a list; return when it is in force."""
    approve(snapshot_submit(snapshot_id=snapshot.pk, actor=snapshot.created_by, now=now), now=now)
    snapshot.refresh_from_db()
    assert snapshot.in_force_at == now + IN_FORCE_AFTER
    return snapshot.in_force_at


def documents(*places: int) -> list[str]:
    """Return the lines of a list of these people."""
    return ["证件号码", *map(document_number, places)]


def members(snapshot: AudienceSnapshot) -> int:
    """Return how many members the database holds."""
    return AudienceMember.objects.filter(snapshot_id=snapshot.pk).count()


def enrolled(
    client: Client | None, places: Iterable[int], *, now: datetime = STARTS_AT
) -> list[Enrolment]:
    """Enrol made-up people, by document and mobile, through the service."""
    client = client or client_make()
    commands = [
        PersonCommand(
            client_id=client.pk,
            external_id=f"aimed-{next(_serial):05d}",
            owner_region=client.owner_region,
            level="REALNAME",
            tokens={
                "DOCUMENT": [identity_token("DOCUMENT", document_number(place))],
                "MOBILE": [identity_token("MOBILE", mobile_number(place))],
            },
        )
        for place in places
    ]
    outcomes = persons_register(commands=commands, now=now)
    rows = Enrolment.objects.in_bulk([one.person_id for one in outcomes if one.person_id])
    return [rows[one.person_id] for one in outcomes if one.person_id]
