"""The forecast: worked by hand where chance has no say, and identities where it has."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns.definition.document import Definition, definition_build, definition_stored
from campaigns.definition.reading import definition_read
from core.canonical import canonical_json
from core.clock import TIME_ZONE
from core.errors import CATALOGUE, InvalidParametersError
from redemption.forecast.curve import curve_points, sold_out_after
from redemption.forecast.parameters import PARAMETERS, parameters_parse
from redemption.forecast.result import BatchForecast, Forecast, forecast_read
from redemption.forecast.services import forecast_make
from tests.factories.definitions import document_make

DEFINITIONS = sorted((Path(settings.BASE_DIR) / "campaigns" / "definitions").glob("*.yaml"))
SLOT = datetime(2026, 3, 6, 10, tzinfo=TIME_ZONE)
CERTAIN: dict[str, int] = {
    **{one.name: 150 for one in PARAMETERS if one.name.startswith("ticket_")},
    **dict.fromkeys(
        (
            *("early", "again", "retry", "away", "unverified", "shared_device", "hasty", "aim"),
            *("ticket_sigma", "discount_share", "wrong_flow", "wrong_card", "wrong_store"),
            *("away_at_use", "excluded_goods", "comeback", "outsiders"),
        ),
        0,
    ),
    "persons": 300,
    "return_share": 1_000,
    "opening_share": 1_000,
    "burst_s": 1,
    "use": 1_000,
    "visits": 1,
}
"""Everybody comes once, within seconds, from inside, and buys for 150.00 with what he got."""


def document(*, units: int = 100, **rules: Any) -> dict[str, Any]:
    """Return one batch 满100减30 with one wave at 10:00."""
    found = document_make()
    (batch,) = found["batches"]
    batch["units"] = units
    batch["releases"] = [{"slot": SLOT.isoformat(), "units": units}]
    batch["rules"] = {**batch["rules"], **rules}
    return found


def played(plan: dict[str, Any] | None = None, **changes: int) -> Forecast:
    definition = definition_stored(plan or document())
    return forecast_make(definition, parameters={**CERTAIN, **changes}, scale=1)


def only(forecast: Forecast) -> BatchForecast:
    (batch,) = forecast.batches
    return batch


# -- worked by hand --------------------------------------------------------------------------------


def test_three_hundred_people_empty_a_hundred_units_in_the_first_minute() -> None:
    forecast = played()
    batch = only(forecast)
    (wave,) = batch.waves
    assert (batch.attempts, batch.claimed, batch.left) == (300, 100, 0)
    assert batch.refused == {"claim.sold_out": 200}
    assert wave.sold_out_at == SLOT
    assert wave.sold_out_after_s is not None
    assert wave.sold_out_after_s < 60
    assert wave.curve[0] == (0, 100)
    assert wave.curve[-1] == (wave.sold_out_after_s + 1, 0)
    # 100 × 30.00 at 200 : 70 : 30, every order 150.00.
    assert (batch.redeemed, batch.expired) == (100, 0)
    assert (batch.subsidy_fen, batch.order_fen) == (300_000, 1_500_000)
    assert [(one.redeemed_fen, one.left_fen) for one in forecast.funders] == [
        (200_000, 0),
        (70_000, 0),
        (30_000, 0),
    ]
    assert sum(day.redeemed for day in batch.days) == 100
    assert forecast.claimants == 100


def test_funders_pay_their_weights_in_whatever_order_they_are_written() -> None:
    plan = document()
    plan["batches"][0]["funders"] = {"bank": 70, "merchants": 30, "treasury": 200}
    assert played(plan).funders == played().funders


@pytest.mark.parametrize(
    ("yuan", "redeemed", "below"), [(99, 0, 100), (100, 100, 0), (101, 100, 0)]
)
def test_a_ticket_below_the_threshold_is_refused(yuan: int, redeemed: int, below: int) -> None:
    prices = {one.name: yuan for one in PARAMETERS if one.name.startswith("ticket_")}
    batch = only(played(None, **{**prices, "ticket_sigma": 0}))
    assert (batch.redeemed, batch.tickets.below, batch.tickets.drawn) == (redeemed, below, 100)
    assert batch.tickets.refused == ({"redemption.below_threshold": below} if below else {})
    assert batch.expired == 100 - redeemed


def test_ten_people_leave_ninety_units_and_a_second_claim_meets_the_limit() -> None:
    batch = only(played(persons=10, again=1_000))
    assert (batch.attempts, batch.claimed, batch.left) == (20, 10, 90)
    assert batch.refused == {"claim.person_limit": 10}
    (wave,) = batch.waves
    assert wave.sold_out_at is None
    assert wave.curve[-1][1] == 90


def test_a_shared_device_is_told_apart_from_the_persons_own_limit() -> None:
    # Every second person uses the device of the one before: five devices for ten people.
    batch = only(played(persons=10, shared_device=500))
    assert batch.claimed == 5
    assert batch.refused == {"claim.same_person_other_account": 5}


def test_people_elsewhere_and_without_a_document_are_refused() -> None:
    located = document(location={"at_claim": True})
    assert only(played(located, away=1_000)).refused == {"claim.out_of_region": 300}
    assert only(played(unverified=1_000)).refused == {"claim.realname_required": 300}


def test_who_comes_early_is_told_to_wait() -> None:
    batch = only(played(early=1_000))
    assert batch.refused == {"claim.not_started": 300}
    assert batch.left == 100


def test_who_comes_after_the_close_finds_nothing() -> None:
    plan = document()
    (batch,) = plan["batches"]
    batch["releases"][0]["closes_at"] = (SLOT + timedelta(milliseconds=1)).isoformat()
    found = only(played(plan, persons=50, burst_s=60))
    assert found.claimed + found.refused["claim.sold_out"] == 50
    assert found.left == 100 - found.claimed >= 90


def test_groups_that_exclude_each_other() -> None:
    plan = document(conflicts=["乙"], group="甲")
    (first,) = plan["batches"]
    limit = {**first["rules"]["limits"][0], "scope": "BATCH"}
    first["rules"]["limits"] = [limit]
    second = {
        **first,
        "code": "b2",
        "rules": {**first["rules"], "group": "乙", "conflicts": ["甲"]},
    }
    plan["batches"] = [first, second]
    forecast = played(plan, persons=10, again=1_000)
    assert forecast.refused() == {"claim.group_conflict": 10}
    assert forecast.total("claimed") == 10


def test_a_limit_on_uses_and_the_hours_of_use_are_asked() -> None:
    once = {
        "code": "use-once",
        "side": "REDEMPTION",
        "scope": "BATCH",
        "window": "TOTAL",
        "count": 1,
        "keys": ["DOCUMENT"],
    }
    claim = {**once, "code": "claim", "side": "CLAIM", "count": 2}
    twice = only(played(document(limits=[once, claim]), persons=10, again=1_000))
    assert (twice.claimed, twice.redeemed) == (20, 10)
    assert twice.tickets.refused == {"redemption.person_limit": 10}
    at_night = document(use={"hours": [{"opens": "02:00", "closes": "03:00"}]})
    night = only(played(at_night))
    assert night.tickets.refused == {"voucher.outside_use_hours": 100}


def test_wrong_flow_card_and_store_are_refused_by_their_codes() -> None:
    strict = document(use={"flows": ["MERCHANT_SCANS"], "card_bins": ["62"]})
    for share, code in (
        ("wrong_flow", "redemption.flow_not_allowed"),
        ("wrong_card", "redemption.card_not_allowed"),
        ("wrong_store", "redemption.store_not_in_scope"),
    ):
        assert only(played(strict, **{share: 1_000})).tickets.refused == {code: 100}


def test_a_voucher_of_tomorrow_is_not_yet_valid_today() -> None:
    tomorrow = document(validity={"mode": "HOURS", "value": 72, "starts": "NEXT_DAY"})
    batch = only(played(tomorrow, hasty=1_000))
    assert batch.tickets.refused == {"voucher.not_yet_valid": 100}
    assert only(played(tomorrow)).redeemed == 100


def test_what_one_wave_leaves_serves_those_who_come_for_the_next() -> None:
    plan = document_make()
    forecast = played(plan, persons=50)
    first, second = only(forecast).waves
    assert (first.units, second.units) == (60, 40)
    # 50 of the first wave, then 10 left over before the second wave's own.
    assert (first.accepted, second.accepted) == (50, 50)
    assert (first.claimed, second.claimed) == (60, 40)


# -- parameters ------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    definition = definition_stored(document())
    one, again, other = (forecast_make(definition, seed=seed) for seed in (7, 7, 8))
    assert canonical_json(one.plain()) == canonical_json(again.plain())
    assert canonical_json(one.plain()) != canonical_json(other.plain())
    assert forecast_read(one.plain()) == one


@pytest.mark.parametrize(
    ("given_values", "name", "limit"),
    [
        ({"nonsense": "1"}, "nonsense", None),
        ({"away": "1001"}, "away", 1_000),
        ({"burst_s": "0"}, "burst_s", 1),
        ({"away": "half"}, "away", None),
        ({"online": "800", "customer_scans": "300"}, "online", 1_000),
    ],
)
def test_a_wrong_parameter_is_named_with_its_limit(
    given_values: dict[str, str], name: str, limit: int | None
) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        parameters_parse(given_values)
    (param,) = caught.value.invalid_params
    assert (param.name, param.limit) == (name, limit)


def test_a_sample_too_large_or_empty_is_refused_with_its_limit() -> None:
    definition = definition_stored(document(units=100_000_000))
    for scale, limit in ((1, 100), (100_000_001, 1_000_000)):
        with pytest.raises(InvalidParametersError) as caught:
            forecast_make(definition, scale=scale)
        (param,) = caught.value.invalid_params
        assert (param.name, param.limit) == ("scale", limit)


def test_every_parameter_says_where_its_default_comes_from() -> None:
    for one in PARAMETERS:
        assert one.title
        assert one.source
        assert one.least <= one.default <= one.most
    assert len({one.name for one in PARAMETERS}) == len(PARAMETERS)


# -- identities ------------------------------------------------------------------------------------


def assert_identities(forecast: Forecast) -> None:
    """Assert what holds whatever is drawn."""
    for batch in forecast.batches:
        assert batch.released == batch.claimed + batch.left
        assert batch.redeemed + batch.expired == (0 if batch.pack else batch.claimed)
        if batch.issuing != "PACK":
            assert batch.claimed == sum(wave.claimed for wave in batch.waves)
            assert batch.claimed == sum(wave.accepted for wave in batch.waves)
            assert batch.attempts == batch.claimed + sum(batch.refused.values())
        tickets = batch.tickets
        assert tickets.drawn == tickets.below + tickets.reached
        assert tickets.drawn == batch.redeemed + sum(tickets.refused.values())
        assert batch.redeemed == sum(day.redeemed for day in batch.days)
        assert batch.subsidy_fen == sum(day.subsidy_fen for day in batch.days)
        assert batch.subsidy_fen <= batch.redeemed * batch.face_fen
        assert {*batch.refused, *tickets.refused} <= CATALOGUE.keys()
        for wave in batch.waves:
            assert wave.released == wave.claimed + wave.left
            assert wave.attempts == wave.accepted + sum(wave.refused.values())
            assert (wave.sold_out_at is None) == (wave.left > 0)
            seconds = [second for second, _left in wave.curve]
            lefts = [left for _second, left in wave.curve]
            assert seconds == sorted(set(seconds))
            assert lefts == sorted(lefts, reverse=True)
            assert (lefts[0], lefts[-1]) == (wave.released, wave.left)
            assert len(wave.curve) <= 82
    assert sum(one.redeemed_fen for one in forecast.funders) == forecast.total("subsidy_fen")
    for funder in forecast.funders:
        assert funder.issued_fen == funder.redeemed_fen + funder.returned_fen
        assert funder.left_fen == funder.quota_fen - funder.redeemed_fen


SHARES = st.integers(0, 1_000)


VALIDITIES: list[dict[str, Any]] = [
    {"mode": "HOURS", "value": 24},
    {"mode": "CLAIM_DAY"},
    {"mode": "HOURS", "value": 24, "starts": "NEXT_DAY"},
]
USES: list[dict[str, Any]] = [
    {},
    {"hours": [{"opens": "11:00", "closes": "14:00"}], "card_bins": ["62"]},
    {"flows": ["ONLINE"], "industries": ["CAR"], "excluded_goods": ["FUEL"]},
    {"items": [{"sku": "a", "name": "米"}], "stores": ["s1", "s2"]},
    {"excluded_items": [{"category": "a", "name": "米"}]},
]


@st.composite
def plans(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, int]]:
    """Draw a small campaign of one to three batches, and people of any kind."""
    plan = document_make()
    (first,) = plan["batches"]
    plan["batches"] = []
    for number in range(draw(st.integers(1, 3))):
        sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
        open_hours = draw(st.sampled_from([None, 1, 30]))
        releases = []
        for day, units in enumerate(sizes):
            slot = SLOT + timedelta(days=day)
            closes = slot + timedelta(hours=open_hours) if open_hours else None
            releases.append(
                {
                    "slot": slot.isoformat(),
                    "units": units,
                    "closes_at": closes.isoformat() if closes else None,
                }
            )
        limit = {
            **first["rules"]["limits"][0],
            "window": draw(st.sampled_from(["DAY", "WEEK", "TOTAL"])),
            "count": 1,
        }
        uses = {**limit, "code": "uses", "side": "REDEMPTION", "keys": ["DOCUMENT", "CARD"]}
        rules = {
            **first["rules"],
            "benefit": draw(
                st.sampled_from(
                    [
                        {"type": "THRESHOLD", "threshold_fen": 10_000},
                        {"type": "THRESHOLD", "threshold_fen": 5_000, "basis": "AFTER_DISCOUNTS"},
                        {"type": "NO_THRESHOLD"},
                        {"type": "EXCHANGE", "sku": "a", "name": "米", "quantity": 2},
                    ]
                )
            ),
            "validity": draw(st.sampled_from(VALIDITIES)),
            "limits": draw(st.sampled_from([[limit], [limit, uses]])),
            "use": draw(st.sampled_from(USES)),
            "location": {"at_claim": draw(st.booleans()), "at_use": draw(st.booleans())},
        }
        if rules["benefit"]["type"] == "EXCHANGE":
            rules["use"] = {"stores": ["s1"], "brands": ["b1"]}  # and no other goods
        batch = {**first, "code": f"b{number}", "units": sum(sizes), "rules": rules}
        plan["batches"].append({**batch, "releases": releases})
    shares = [one.name for one in PARAMETERS if (one.least, one.most) == (0, 1_000)]
    named = draw(st.lists(st.sampled_from(shares), unique=True, max_size=5))
    values = {name: draw(SHARES) for name in named if name not in ("online", "customer_scans")}
    return plan, {**values, "persons": draw(st.integers(1, 120))}


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.integers(0, 1_000), st.integers(1, 3))
def test_nothing_is_lost_whatever_is_drawn(
    drawn: tuple[dict[str, Any], dict[str, int]], seed: int, scale: int
) -> None:
    plan, values = drawn
    largest = max(one["units"] for batch in plan["batches"] for one in batch["releases"])
    forecast = forecast_make(
        definition_stored(plan), parameters=values, seed=seed, scale=min(scale, largest)
    )
    assert_identities(forecast)


def test_a_curve_says_when_the_last_unit_went() -> None:
    taken = {0: 30, 5: 10, 61: 60}
    assert curve_points(100, taken, scale=10) == ((0, 1000), (1, 700), (6, 600), (62, 0))
    assert sold_out_after(100, taken) == 61
    assert sold_out_after(101, taken) is None
    assert curve_points(5, {}) == ((0, 5),)
    many = dict.fromkeys(range(1_000), 1)
    assert len(curve_points(1_000, many, most=10)) == 11


# -- the programmes --------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_every_programme_is_forecast(path: Path) -> None:
    definition = definition_build(definition_read(path.read_bytes(), path.name))
    forecast = forecast_make(definition, scale=_small(definition))
    assert_identities(forecast)
    assert forecast.total("redeemed") > 0
    assert forecast.campaign == path.stem


def _small(definition: Definition) -> int:
    """Return a scale that leaves about two thousand units, and a unit of the largest wave."""
    units = [one.units for batch in definition.values["batches"] for one in batch.releases]
    return int(max(1, min(sum(units) // 2_000, max(units))))
