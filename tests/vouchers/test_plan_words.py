"""The plan of waves, and the rules of validity that name days, as a reader hears them."""

from datetime import date, datetime, timedelta

import pytest
from django.utils.translation import override

from campaigns.definition.document import definition_build
from core.clock import TIME_ZONE
from tests.factories.definitions import document_make
from vouchers.definition.plan_words import days_words, plan_words
from vouchers.rules.model import Validity
from vouchers.rules.words import validity_words

FIRST = datetime(2026, 3, 6, 8, tzinfo=TIME_ZONE)

pytestmark = pytest.mark.django_db


def days(*spans: tuple[int, int]) -> list[date]:
    """Return the days of March 2026 from the first to the last of every span."""
    return [date(2026, 3, day) for first, last in spans for day in range(first, last + 1)]


@pytest.mark.parametrize(
    ("given", "said", "in_english"),
    [
        (days((6, 6)), "2026-03-06", "2026-03-06"),
        (days((6, 8)), "2026-03-06至2026-03-08每日", "2026-03-06 to 2026-03-08 daily"),
        (
            days((6, 8), (13, 15)),
            "2026-03-06至2026-03-15每周五、周六、周日",
            "2026-03-06 to 2026-03-15 every Fri, Sat, Sun",
        ),
        (
            days((6, 6), (10, 12), (13, 13), (20, 20)),
            "2026-03-06至2026-03-20每周五、2026-03-10至2026-03-12每日",
            "2026-03-06 to 2026-03-20 every Fri, 2026-03-10 to 2026-03-12 daily",
        ),
        (days((6, 6), (20, 20)), "2026-03-06、2026-03-20", "2026-03-06, 2026-03-20"),
    ],
)
def test_days_are_said_as_people_say_them(given: list[date], said: str, in_english: str) -> None:
    with override("zh-hans"):
        assert days_words(given) == said
    with override("en"):
        assert days_words(given) == in_english


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            Validity(mode="ROUND_END", value=7, fixed_from=FIRST),
            "自2026-03-06 08:00起每7天为一个使用周期，领取所在周期结束前有效，且不晚于活动结束时间",
        ),
        (
            Validity(
                mode="FIXED_WINDOW",
                starts="NEXT_DAY",
                fixed_from=FIRST,
                fixed_until=FIRST + timedelta(days=1),
            ),
            "2026-03-06 08:00至2026-03-07 08:00有效，领取次日零点起方可使用",
        ),
        (
            Validity(mode="HOURS", value=72, starts="NEXT_DAY"),
            "领取次日零点起72小时内有效，且不晚于活动结束时间",
        ),
        (
            Validity(mode="CAMPAIGN_END", starts="NEXT_DAY"),
            "活动结束前有效，领取次日零点起方可使用",
        ),
    ],
)
def test_when_a_voucher_begins_is_said(rule: Validity, said: str) -> None:
    with override("zh-hans"):
        assert validity_words(rule) == said


def test_waves_of_one_day_that_are_open_for_different_times_are_said_one_by_one() -> None:
    made = document_make()
    made["batches"][0]["releases"] = [
        {
            "slot": "2026-03-06T23:30:00+08:00",
            "units": 15,
            "closes_at": "2026-03-06T23:50:00+08:00",
        },
        {"slot": "2026-03-06T10:00:00+08:00", "units": 20},
    ]
    (batch,) = definition_build(made).values["batches"]
    assert plan_words(batch)[1:] == [
        "投放计划：2026-03-06 10:00（领完为止）、23:30（每轮开放20分钟），共2轮35张"
    ]
    with override("en"):
        assert plan_words(batch)[1:] == [
            "Plan: 2026-03-06 10:00 (until they are gone), 23:30 (each wave open for 20 min), "
            "2 waves, 35 vouchers"
        ]
