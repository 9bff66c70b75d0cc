"""Validity and hours of use against naive oracles, written from domain-rules §4 alone.

The oracles know calendar days and the hands of a clock in Shanghai, no ends and no arithmetic of
the rules: a voucher is good at a moment if what the notice says is true of that moment. They share
nothing with the code, neither midnights nor time zones: they step through days one by one.
"""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.clock import TIME_ZONE
from vouchers.rules.model import UseHours, Validity
from vouchers.rules.use_hours import next_usable, usable_at
from vouchers.rules.validity import validity_window

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SHANGHAI = timezone(timedelta(hours=8))
"""No summer time since 1991, so that a fixed offset is the wall clock."""
WEEK_MINUTES = 7 * 24 * 60


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TIME_ZONE)


def day_of(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def days_crossed(earlier: date, later: date) -> int:
    """Count midnights by turning the pages of a calendar."""
    pages = 0
    while earlier < later:
        earlier += DAY
        pages += 1
    return pages


def round_of(rule: Validity, at: datetime) -> int:
    """Number the rounds from 0, walking from the first; what is before belongs to it."""
    assert rule.fixed_from is not None
    number, ends = 0, rule.fixed_from
    for _day in range(rule.value):
        ends += DAY
    while ends <= at:
        for _day in range(rule.value):
            ends += DAY
        number += 1
    return number


def begun(rule: Validity, claimed: datetime, at: datetime) -> bool:
    """Tell whether the voucher works already."""
    if rule.fixed_from is not None and rule.mode == "FIXED_WINDOW" and at < rule.fixed_from:
        return False
    return day_of(claimed) < day_of(at) if rule.starts == "NEXT_DAY" else claimed <= at


def lasts(rule: Validity, claimed: datetime, at: datetime) -> bool:
    """Tell whether the voucher still works, the campaign's end aside."""
    first, today = day_of(claimed), day_of(at)
    still = True
    match rule.mode:
        case "HOURS":
            counted = claimed
            if rule.starts == "NEXT_DAY":
                counted = datetime(first.year, first.month, first.day, tzinfo=SHANGHAI) + DAY
            still = (at - counted).total_seconds() < rule.value * 3_600
        case "CLAIM_DAY":
            still = today <= first
        case "NATURAL_DAYS":
            still = days_crossed(first, today) < rule.value
        case "NATURAL_DAYS_FROM_NEXT":
            still = days_crossed(first, today) <= rule.value
        case "MONTH_END":
            still = today <= first or (today.year, today.month) == (first.year, first.month)
        case "ROUND_END":
            still = round_of(rule, at) <= round_of(rule, claimed)
        case "FIXED_WINDOW":
            assert rule.fixed_until is not None
            still = at < rule.fixed_until
    return still


def good(rule: Validity, claimed: datetime, campaign_ends: datetime, at: datetime) -> bool:
    """Tell whether a voucher claimed at ``claimed`` may be used at ``at``."""
    return at < campaign_ends and begun(rule, claimed, at) and lasts(rule, claimed, at)


SECONDS = st.integers(0, 5 * 366 * 86_400) | st.builds(
    lambda day, near: 86_400 * day + near, st.integers(1, 1_800), st.sampled_from([-1, 0, 1])
)
MOMENTS = st.builds(
    lambda seconds, zone: (
        datetime(2024, 1, 1, tzinfo=TIME_ZONE) + timedelta(seconds=seconds)
    ).astimezone(zone),
    SECONDS,
    st.sampled_from([TIME_ZONE, UTC]),
)
STARTS = st.sampled_from(["CLAIM", "NEXT_DAY"])
VALIDITIES = st.one_of(
    st.builds(
        Validity,
        mode=st.sampled_from(["HOURS", "NATURAL_DAYS", "NATURAL_DAYS_FROM_NEXT"]),
        value=st.integers(1, 100),
        starts=STARTS,
    ),
    st.builds(
        Validity,
        mode=st.sampled_from(["CLAIM_DAY", "MONTH_END", "CAMPAIGN_END"]),
        starts=STARTS,
    ),
    st.builds(
        Validity,
        mode=st.just("ROUND_END"),
        value=st.integers(1, 40),
        starts=STARTS,
        fixed_from=MOMENTS,
    ),
    st.builds(
        lambda starts, opens, length: Validity(
            mode="FIXED_WINDOW", starts=starts, fixed_from=opens, fixed_until=opens + length
        ),
        STARTS,
        MOMENTS,
        st.integers(1, 90 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    ),
)


@settings(deadline=None, max_examples=300)
@given(
    rule=VALIDITIES,
    claimed=MOMENTS,
    life=st.integers(1, 120 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    probes=st.lists(st.integers(-86_400, 110 * 86_400), max_size=4),
)
@example(Validity(mode="MONTH_END"), moment("2024-02-29T23:59:59"), 90 * DAY, [])
@example(Validity(mode="HOURS", value=72), moment("2024-03-30T09:00"), 39 * 3_600 * SECOND, [])
@example(Validity(mode="NATURAL_DAYS", value=1), moment("2024-12-31T00:00"), DAY, [0])
def test_a_voucher_is_good_exactly_when_the_notice_says_so(
    rule: Validity, claimed: datetime, life: timedelta, probes: list[int]
) -> None:
    ends = claimed + life
    valid_from, valid_until = validity_window(rule, claimed_at=claimed, campaign_ends_at=ends)
    assert valid_until <= ends
    moments = [claimed, ends - SECOND, *(claimed + at * SECOND for at in probes)]
    for edge in (valid_from, valid_until):
        moments += [edge - SECOND, edge, edge + SECOND]
    for at in moments:
        assert (valid_from <= at < valid_until) == good(rule, claimed, ends, at), at


def on_the_clock(hours: tuple[UseHours, ...], at: datetime) -> bool:
    """Read weekday and time off a wall clock, as a cashier would: today's hours, last night's."""
    here = at.astimezone(SHANGHAI)
    today, yesterday = here.isoweekday(), (here - DAY).isoweekday()
    hand = here.strftime("%H:%M")
    for one in hours:
        days = one.weekdays or (1, 2, 3, 4, 5, 6, 7)
        if one.opens < one.closes:
            if today in days and one.opens <= hand < one.closes:
                return True
        elif (today in days and hand >= one.opens) or (yesterday in days and hand < one.closes):
            return True
    return not hours


CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
HOURS = st.lists(
    st.builds(
        UseHours,
        opens=CLOCK,
        closes=CLOCK | st.just("24:00"),
        weekdays=st.lists(st.integers(1, 7), max_size=3, unique=True).map(tuple),
    ),
    max_size=3,
).map(tuple)


@settings(deadline=None)
@given(
    hours=HOURS, at=MOMENTS, minutes=st.lists(st.integers(0, WEEK_MINUTES), min_size=8, max_size=8)
)
def test_hours_of_use_are_read_off_the_clock_all_week(
    hours: tuple[UseHours, ...], at: datetime, minutes: list[int]
) -> None:
    for minute in (0, *minutes):
        asked = at + minute * MINUTE
        assert usable_at(hours, asked) == on_the_clock(hours, asked), asked


@settings(deadline=None, max_examples=40)  # it walks over up to a week minute by minute
@given(hours=HOURS, at=MOMENTS, ends_in=st.integers(1, 9 * 24 * 60))
def test_the_next_moment_of_use_is_the_first_that_a_walker_meets(
    hours: tuple[UseHours, ...], at: datetime, ends_in: int
) -> None:
    """From ``at``, then at each full minute: hours begin on none but those."""
    until = at + ends_in * MINUTE
    met, step = None, at
    while step < until and met is None:
        if on_the_clock(hours, step):
            met = step
        step = step.replace(second=0, microsecond=0) + MINUTE
    assert next_usable(hours, at, until) == met
