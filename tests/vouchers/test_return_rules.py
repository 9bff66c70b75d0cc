"""The trigger of return vouchers in a definition: checked, told, written on the draft page."""

from typing import Any

import pytest
from django.utils.translation import override

from campaigns.definition.document import definition_build
from campaigns.errors import DefinitionInvalidError
from campaigns.services.drafts import campaign_draft_save
from tests.factories.definitions import document_make
from tests.factories.running import BEFORE, campaign_running
from vouchers.models import Batch

pytestmark = pytest.mark.django_db


def returning_document(**trigger: Any) -> dict[str, Any]:
    """Return a document whose second batch is given for payments with the first."""
    document = document_make()
    (first,) = document["batches"]
    first["units"] = 90
    first["releases"] = [first["releases"][0] | {"units": 90}]
    rules = {
        **first["rules"],
        "benefit": {"type": "THRESHOLD", "threshold_fen": 5_000},
        "issuing": "RETURN",
        "trigger": {
            "source": "REDEMPTION",
            "from_fen": 8_000,
            "batches": [{"batch": first["code"]}],
            "use": {"industries": ["CATERING"]},
            **trigger,
        },
    }
    back = {
        **first,
        "code": "back",
        "name": "返10元券",
        "face_fen": 1_000,
        "units": 30,
        "rules": rules,
        "releases": [{"slot": "2026-03-06T08:00:00+08:00", "units": 30}],
    }
    document["batches"].append(back)
    return document


def problems(document: dict[str, Any]) -> set[str]:
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(document)
    return {one.name for one in refused.value.invalid_params}


def test_it_goes_live_and_says_what_it_is_given_for() -> None:
    document = returning_document(below_fen=50_000)
    campaign = campaign_running(document)
    back = Batch.objects.get(campaign=campaign, code="back")
    assert (back.kind, campaign.version is not None) == ("RETURN", True)
    assert back.version is not None
    assert back.version.rules["trigger"]["batches"] == [{"batch": "b1", "name": "满100减30"}]
    definition = definition_build(document)
    for language, expected in (
        (
            "zh-hans",
            [
                "发放方式：消费返券",
                "用“满100减30”支付的订单满80元、不满500元，返本券1张",
                "所购消费：仅限参与活动的商户使用",
                "所购消费：适用行业：餐饮",
                "退款或撤销后剩余金额不足80元的，收回未使用的返券",
            ],
        ),
        (
            "en",
            [
                "How it is given out: Return voucher",
                "One of these for an order of at least 80 and below 500 yuan paid with “满100减30”",
                "The purchase: Usable at participating stores only",
                "The purchase: Industries: Catering",
                "If a refund or cancel leaves less than 80 yuan, a voucher given for it that is "
                "unused is taken back",
            ],
        ),
    ):
        with override(language):
            (lines,) = [one.lines for one in definition.rules_words() if one.key == "batches.back"]
        assert [line for line in lines if line in expected] == expected


def test_what_no_purchase_can_meet_is_refused() -> None:
    path = "batches[1].rules.trigger"
    assert problems(returning_document(below_fen=8_000)) == {f"{path}.below_fen"}
    assert problems(returning_document(batches=[{"batch": "back"}])) == {f"{path}.batches[0]"}
    assert problems(returning_document(batches=[{"batch": "b9"}])) == {f"{path}.batches[0]"}
    assert problems(returning_document(source="TRANSACTION")) == {f"{path}.batches"}
    assert problems(returning_document(use={"industries": ["NONE"]})) == {
        f"{path}.use.industries[0]"
    }
    document = returning_document()
    document["batches"][1]["rules"]["trigger"] = None
    assert problems(document) == {path}
    document = returning_document()
    document["batches"][1]["rules"]["issuing"] = "CLAIM"
    assert problems(document) == {path}
    document = returning_document()
    document["batches"][1]["rules"]["location"] = {"at_claim": True}
    assert "batches[1].rules.location.at_claim" in problems(document)


def test_a_draft_keeps_the_trigger() -> None:
    campaign = campaign_draft_save(document=returning_document(), actor=None, now=BEFORE)
    assert campaign.draft is not None
    assert campaign.draft["batches"][1]["rules"]["trigger"]["from_fen"] == 8_000
