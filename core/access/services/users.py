"""Create staff and switch them off; what they may do comes from role grants."""

from datetime import datetime

from django.db import IntegrityError, transaction

from core.access.errors import ReasonRequiredError, UserNameTakenError
from core.access.models import Organisation, Region, Role, User
from core.access.services.roles import role_grant
from core.audit.services import audit_record
from core.transactions import transaction_joined


def user_create(
    *,
    username: str,
    display_name: str,
    organisation: Organisation,
    password: str,
    now: datetime,
    actor: User | None = None,
) -> User:
    """Make a member of staff without any role; the password was validated by the edge.

    Raises:
        UserNameTakenError: the name exists.
    """
    with transaction_joined():
        user = User(
            username=username,
            display_name=display_name,
            organisation=organisation,
            is_staff=True,
            is_superuser=False,
            date_joined=now,
        )
        user.set_password(password)
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError as error:
            raise UserNameTakenError(data={"username": username}) from error
        audit_record(
            action="user.create",
            subject_type="user",
            subject_id=user.pk,
            now=now,
            actor=actor,
            owner_region=organisation.region_id,
            data={"username": username, "organisation": organisation.code},
        )
    return user


def user_set_active(
    *, user: User, is_active: bool, reason: str, now: datetime, actor: User | None = None
) -> User:
    """Switch a member of staff off (his sessions end with the next request) or on again.

    Raises:
        ReasonRequiredError: ``reason`` is empty.
    """
    if not reason.strip():
        raise ReasonRequiredError
    with transaction_joined():
        if User.objects.filter(pk=user.pk, is_active=not is_active).update(is_active=is_active):
            audit_record(
                action="user.activate" if is_active else "user.deactivate",
                subject_type="user",
                subject_id=user.pk,
                now=now,
                actor=actor,
                owner_region=user.organisation.region_id if user.organisation else "",
                reason=reason,
            )
    user.refresh_from_db()
    return user


def user_set_password(
    *, user: User, password: str, now: datetime, actor: User | None = None
) -> None:
    """Set a new password, validated by the edge; every session of the user ends."""
    with transaction_joined():
        user.set_password(password)
        user.save(update_fields=["password"])
        audit_record(
            action="user.password",
            subject_type="user",
            subject_id=user.pk,
            now=now,
            actor=actor,
            owner_region=user.organisation.region_id if user.organisation else "",
        )


def administrator_create(
    *,
    username: str,
    display_name: str,
    role: Role,
    organisation: Organisation | None,
    organisation_code: str,
    region: Region,
    password: str,
    now: datetime,
) -> User:
    """Make one of the first administrators, from the command line (nobody is there to grant).

    Without ``organisation`` a 主管部门 with ``organisation_code`` is made for him.

    Raises:
        UserNameTakenError: the name exists.
        RoleOrganisationRefusedError: the organisation may not hold the role.
    """
    with transaction_joined():
        if organisation is None:
            organisation = Organisation.objects.create(
                code=organisation_code,
                name="平台运行管理机构",
                kind=Organisation.Kind.BUREAU,
                region=region,
            )
        user = user_create(
            username=username,
            display_name=display_name,
            organisation=organisation,
            password=password,
            now=now,
        )
        role_grant(user=user, role=role, organisation=organisation, region=region, now=now)
    return user
