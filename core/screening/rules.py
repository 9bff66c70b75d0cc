"""What a screening rule is; the rules themselves live with the rooms that own the facts."""

import string
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from django.utils.functional import Promise

from core.clock import TIME_ZONE


class Family(StrEnum):
    """Families by kind of evidence; two of them are independent (screening.md)."""

    IDENTITY = "IDENTITY"
    PEOPLE = "PEOPLE"
    TIME = "TIME"
    AMOUNT = "AMOUNT"
    VOLUME = "VOLUME"
    PLACE = "PLACE"
    MONEY_FLOW = "MONEY_FLOW"
    REFUND = "REFUND"
    DOCUMENTS = "DOCUMENTS"


class SubjectType(StrEnum):
    """What a finding is about."""

    PERSON = "PERSON"
    DEVICE = "DEVICE"
    STORE = "STORE"
    TERMINAL = "TERMINAL"
    RING = "RING"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open period of business time: ``start`` ≤ t < ``until``."""

    start: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One subject a rule noticed, with the evidence and the facts (redemption ids) behind it.

    ``evidence`` is canonical JSON: integers and text, no floats, no raw personal data; it names
    the subject's value, peers where the rule compares, and ``against``: what speaks against.
    """

    subject_id: str
    subject_label: str
    owner_region: str
    evidence: Mapping[str, Any]
    fact_ids: tuple[str, ...] = ()
    store_region: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a rule says about a window: findings, or that there is not enough history."""

    findings: tuple[Finding, ...] = ()
    insufficient: str = ""


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule is asked: one campaign, one window, the parameters in force."""

    campaign_id: UUID
    window: Window
    parameters: Mapping[str, int]
    now: datetime = field(compare=False)


class Rule(ABC):
    """A small class per rule (screening.md, Principles).

    ``version`` rises when the formula changes. ``defaults`` are the integer parameters; rows of
    RuleParameter override them per campaign. ``freezes_alone`` marks the rules that need no second
    family before money is frozen.
    """

    id: ClassVar[str]
    name: ClassVar[str | Promise]
    version: ClassVar[int]
    family: ClassVar[Family]
    subject_type: ClassVar[SubjectType]
    defaults: ClassVar[Mapping[str, int]]
    window: ClassVar[timedelta]
    step: ClassVar[timedelta] = timedelta(hours=1)
    freezes_alone: ClassVar[bool] = False
    labels: ClassVar[Mapping[str, str | Promise]] = {}
    """Words for the keys of its evidence, where `core.admin.evidence` has none."""

    @abstractmethod
    def evaluate(self, context: RuleContext) -> Evaluation:
        """Look at the facts of the window; reads only, gives the same answer for the same facts."""

    def window_at(self, now: datetime) -> Window:
        """Return the window that ends at the last full step before ``now``."""
        local = now.astimezone(TIME_ZONE)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        until = midnight + (local - midnight) // self.step * self.step
        return Window(until - self.window, until)


_rules: dict[str, Rule] = {}


def rule_register(rule: Rule) -> None:
    """Register a rule; called once per process when its room is ready.

    Raises:
        ValueError: another rule has the same id.
    """
    if type(_rules.setdefault(rule.id, rule)) is not type(rule):
        raise ValueError(f"rule registered twice: {rule.id}")


def rule(rule_id: str) -> Rule:
    """Return a rule by id.

    Raises:
        LookupError: no room registered it.
    """
    try:
        return _rules[rule_id]
    except KeyError:
        raise LookupError(f"unknown rule {rule_id!r}") from None


def rules() -> tuple[Rule, ...]:
    """Return every registered rule, by id."""
    return tuple(_rules[rule_id] for rule_id in rule_order(_rules))


def rule_order(rule_ids: Iterable[str]) -> list[str]:
    """Return ids as people count: FM6 before FM10."""
    return sorted(rule_ids, key=lambda one: (one.rstrip(string.digits), len(one), one))


def rule_title(rule_id: str) -> str:
    """Return id and Chinese name of a rule, or the id alone if no room has it."""
    try:
        return f"{rule_id} {rule(rule_id).name}"
    except LookupError:
        return rule_id
