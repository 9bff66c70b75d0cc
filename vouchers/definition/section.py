"""Registers the section ``batches`` with the campaign document."""

from campaigns.definition.registry import Section, section_register
from vouchers.definition.checks import batches_not_ready, batches_problems
from vouchers.definition.model import Batches
from vouchers.definition.normal import batches_budgets, batches_normalise, batches_scale
from vouchers.definition.rows import (
    batches_apply,
    batches_change_problems,
    batches_export,
    batches_past_problems,
)
from vouchers.definition.words import (
    batches_checked_words,
    batches_rules_words,
    batches_signed,
    batches_till_words,
)

BATCHES = Section(
    name="batches",
    spec_type=Batches,
    normalise=batches_normalise,
    check=batches_problems,
    check_change=batches_change_problems,
    check_past=batches_past_problems,
    budgets=batches_budgets,
    scale=batches_scale,
    apply=batches_apply,
    export=batches_export,
    rules_words=batches_rules_words,
    till_words=batches_till_words,
    checked_words=batches_checked_words,
    signed=batches_signed,
    not_ready=batches_not_ready,
)


def batches_section_register() -> None:
    """Make the section known; called once the app is ready."""
    section_register(BATCHES)
