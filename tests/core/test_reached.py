"""The plugin that notes reached codes hears the project's own code, and no test."""

import pytest

from core.errors import CATALOGUE, DomainError, Refusal
from tests.reached import SEEN
from vouchers.rules.refusals import group_conflict


def test_a_code_counts_where_the_project_says_it(pytestconfig: pytest.Config) -> None:
    seen = pytestconfig.stash[SEEN]
    before = set(seen)
    seen.clear()
    Refusal("claim.paused")
    DomainError("infra.internal_error")
    assert seen == set()
    group_conflict("餐饮")
    assert seen == {"claim.group_conflict"}
    seen |= before


def test_only_codes_of_the_catalogue_are_heard(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.stash[SEEN] <= CATALOGUE.keys()
