"""What a request is about (an approval's subject): the row of an upper room, its name, its page.

An approval knows its subject as a type and an id in text, since the kernel knows no domain app.
The rooms' rows are registered from above (config/directory.py); a list reads all names in its one
query.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    CharField,
    Expression,
    Model,
    OuterRef,
    Q,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from core.approvals.models import Approval

UUID_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


@dataclass(frozen=True, slots=True)
class Subject:
    """A type of subject: its model, an expression over the model that names a row.

    ``key`` names the entry of the request's payload that holds the row's id, for matters without
    a row of their own before they are approved (a movement of funds: its campaign).
    """

    subject_type: str
    model: type[Model]
    name: Combinable
    key: str = ""

    def pointer(self) -> Any:
        """Return the expression over an approval that is the id of the row."""
        text = KeyTextTransform(self.key, OuterRef("payload")) if self.key else None
        return Cast(text or OuterRef("subject_id"), UUIDField())

    def condition(self) -> Q:
        """Return the filter of approvals of this type whose id can be one of a row."""
        known = Q(subject_type=self.subject_type)
        return known if self.key else known & Q(subject_id__regex=UUID_PATTERN)

    def row_id(self, approval: Approval) -> UUID | None:
        """Return the id of the row that an approval is about; None where it names none."""
        try:
            return UUID(str(approval.payload[self.key] if self.key else approval.subject_id))
        except (KeyError, ValueError):
            return None


_subjects: dict[str, Subject] = {}


def subject_register(subject: Subject) -> None:
    """Register a type of subject; called once per process when its room is ready.

    Raises:
        ValueError: another model is registered for the type.
    """
    known = _subjects.setdefault(subject.subject_type, subject)
    if known.model is not subject.model:
        raise ValueError(f"subject registered twice: {subject.subject_type}")


def subject_of(subject_type: str) -> Subject | None:
    """Return what is registered for a type."""
    return _subjects.get(subject_type)


def subject_name() -> Expression:
    """Return the name of an approval's subject, an empty text where it has none."""
    named = [
        When(
            one.condition(),
            then=Subquery(
                one.model._default_manager.filter(pk=one.pointer())
                .order_by()
                .values(plain_name=Cast(one.name, CharField()))[:1]
            ),
        )
        for one in _subjects.values()
    ]
    nothing: Any = Value("")
    return Coalesce(Case(*named, default=nothing, output_field=CharField()), nothing)
