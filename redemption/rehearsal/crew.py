"""The staff of a rehearsal and of the demonstration: organisations, people, roles, log-ins."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from core.access.models import Organisation, Region, Role, User
from core.access.services import role_grant, user_create
from core.approvals.models import Approval, ApprovalState
from core.approvals.services import approval_decide
from redemption.rehearsal.world import ACQUIRERS, PROVINCE

Kind = Organisation.Kind
PASSWORD_BYTES = 9
NANNING = "450100"

ORGANISATIONS = (
    ("bureau", "自治区商务厅（演示）", Kind.BUREAU, PROVINCE),
    ("bureau-nanning", "南宁市商务局（演示）", Kind.BUREAU, NANNING),
    ("finance", "自治区财政厅（演示）", Kind.FINANCE, PROVINCE),
    ("bank", "出资银行（演示）", Kind.BANK, PROVINCE),
    ("channel-ysf", "云闪付渠道（演示）", Kind.BANK, PROVINCE),
    ("channel-gxbank", "银行手机银行渠道（演示）", Kind.BANK, PROVINCE),
    ("channel-wallet", "钱包渠道（演示）", Kind.BANK, PROVINCE),
    *((code, f"收单机构{code[-1].upper()}（演示）", Kind.ACQUIRER, PROVINCE) for code in ACQUIRERS),
)


@dataclass(frozen=True, slots=True)
class Post:
    """A log-in of the demonstration: who, where, which roles."""

    username: str
    name: str
    organisation: str
    region: str
    roles: tuple[Role, ...]


POSTS = (
    Post("jingban", "韦经办", "bureau", PROVINCE, (Role.CAMPAIGN_MAKER,)),
    Post("fuhe", "黄复核", "bureau", PROVINCE, (Role.CAMPAIGN_CHECKER,)),
    Post("lingdao", "陆分管", "bureau", PROVINCE, (Role.DIRECTOR,)),
    Post("mingdan", "覃名单", "bureau", PROVINCE, (Role.LIST_MAKER,)),
    Post("mingdanfh", "莫名单复核", "bureau", PROVINCE, (Role.LIST_CHECKER,)),
    Post("jiesuan", "蒙结算", "bureau", PROVINCE, (Role.SETTLEMENT_MAKER,)),
    Post("jiesuanfh", "农结算复核", "bureau", PROVINCE, (Role.SETTLEMENT_CHECKER,)),
    Post("caizheng", "梁财政", "finance", PROVINCE, (Role.PAYMENT_REGISTRAR,)),
    Post("fengkong", "罗风控", "bureau", PROVINCE, (Role.RISK_MAKER,)),
    Post("fengkongfh", "谭风控复核", "bureau", PROVINCE, (Role.RISK_CHECKER,)),
    Post("nanning", "南宁经办", "bureau-nanning", NANNING, (Role.CAMPAIGN_MAKER,)),
    Post("nanningjs", "南宁结算", "bureau-nanning", NANNING, (Role.SETTLEMENT_MAKER,)),
)


@dataclass(slots=True)
class Crew:
    """The staff at work; ``passwords`` are random and known only to who made them."""

    users: dict[str, User] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    def user(self, name: str) -> User:
        """Return the member of staff with that log-in."""
        return self.users[name]

    def approve(self, approval: Approval, checker: str, now: datetime) -> None:
        """Have the checker agree, and the director too where the amount asks for it."""
        approval_decide(approval_id=approval.pk, checker=self.user(checker), agree=True, now=now)
        approval.refresh_from_db()
        if approval.state == ApprovalState.PENDING:
            approval_decide(
                approval_id=approval.pk, checker=self.user("lingdao"), agree=True, now=now
            )


def crew_make(now: datetime) -> Crew:
    """Create organisations, people and grants; each log-in gets a random password."""
    organisations = {
        code: Organisation.objects.create(
            code=code, name=name, kind=kind, region=Region.objects.get(pk=region)
        )
        for code, name, kind, region in ORGANISATIONS
    }
    crew = Crew()
    for post in POSTS:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        user = user_create(
            username=post.username,
            display_name=post.name,
            organisation=organisations[post.organisation],
            password=password,
            now=now,
        )
        for role in post.roles:
            role_grant(
                user=user,
                role=role,
                organisation=organisations[post.organisation],
                region=Region.objects.get(pk=post.region),
                now=now,
            )
        crew.users[post.username], crew.passwords[post.username] = user, password
    return crew


def crew_find() -> Crew:
    """Return the staff made before; their passwords are no longer known."""
    users = User.objects.filter(username__in=[post.username for post in POSTS])
    return Crew(users={user.username: user for user in users})
