"""One name per model, on pages beside the lists and in the log (lists: test_admin_site)."""

import pytest
from django.urls import reverse

from core.access.models import Role
from core.admin.words import NOUNS
from core.models import Case
from redemption.models import ExceptionItem
from redemption.settlement.models import Payout, SettlementBatch, Statement
from tests.factories.campaigns import campaign_live
from tests.support.admin import Staff, path_of

pytestmark = pytest.mark.django_db


def test_pages_with_a_form_stand_under_the_same_name() -> None:
    campaign_live()
    text = Staff.of(Role.SETTLEMENT_MAKER).html(reverse("admin:redemption_settlementbatch_build"))
    assert path_of(text)[:2] == ["结算与对账", "结算批次"]


def test_the_log_names_rows_as_their_pages_do() -> None:
    same = {
        "case": Case,
        "exception_item": ExceptionItem,
        "payout": Payout,
        "settlement_batch": SettlementBatch,
        "statement": Statement,
    }
    for noun, model in same.items():
        assert str(NOUNS[noun]) == str(model._meta.verbose_name)
