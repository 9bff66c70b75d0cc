"""Each check of campaigns and vouchers fires when its rule is broken, and only that one."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from campaigns.checks import CAMPAIGN_CHECKS
from campaigns.models import Campaign
from campaigns.services.funds import funds_movement_request
from core.access.models import Role
from core.embedded.record import ServiceUrls
from tests.factories.approvals import approve
from tests.factories.campaigns import OPENED_AT, BatchPlan, LiveCampaign, campaign_live
from tests.factories.claims import claim_command
from tests.factories.merchants import client_make
from tests.factories.packs import pack_document
from tests.factories.persons import enrolment_make
from tests.factories.running import campaign_running
from tests.factories.staff import staff_make
from tests.invariants.helpers import assert_fires, assert_sound, corrupt
from vouchers.checks import COUNTER_CHECKS, MONEY_CHECKS, ROW_CHECKS
from vouchers.services.claims import vouchers_claim
from vouchers.services.expiry import vouchers_expire
from vouchers.services.releases import quota_release_open

pytestmark = pytest.mark.broken_books

BATCH, SLICE, VOUCHER = "vouchers_batch", "vouchers_quotaslice", "vouchers_voucher"
RELEASE, CLAIM, LIMIT = "vouchers_quotarelease", "vouchers_claim", "vouchers_limituse"
COUNTERS = (BATCH, "batch_counters")


@pytest.fixture(autouse=True)
def live(own_database: ServiceUrls) -> LiveCampaign:
    """A campaign with ten units of which three are claimed, and cash that came."""
    made = campaign_live(batches=[BatchPlan(units=20, open_units=10)], paid_in=False)
    client = client_make()
    commands = [claim_command(made.batch, enrolment_make(client), at=OPENED_AT) for _ in range(3)]
    assert {one.outcome for one in vouchers_claim(commands=commands)} == {"ACCEPTED"}
    approve(
        funds_movement_request(
            campaign_id=made.campaign.pk,
            funder_id=made.funders[0].pk,
            kind="RECEIVED",
            amount_fen=1_000,
            document_no="收1号",
            value_date=OPENED_AT.date(),
            actor=staff_make(Role.SETTLEMENT_MAKER),
            now=OPENED_AT,
        ),
        now=OPENED_AT,
    )
    assert_sound()
    return made


def test_a_part_that_does_not_follow_its_pack() -> None:
    campaign_running(pack_document())
    quota_release_open(now=OPENED_AT)
    assert_sound()
    corrupt("UPDATE vouchers_batch SET pack_quantity = 1 WHERE code = 'man-20'", disable=[BATCH])
    assert_fires("vouchers.released_is_waves")


Case = tuple[str, str, Sequence[str], Sequence[tuple[str, str]], Sequence[str]]
CASES: list[Case] = [
    (
        "campaigns.version_is_what_was_approved",
        "UPDATE campaigns_version SET config_hash = repeat('0', 64)",
        ["campaigns_version"],
        [],
        [],
    ),
    (
        "campaigns.version_in_force_is_its_own",
        "UPDATE campaigns_campaign SET version_id = NULL",
        ["campaigns_campaign"],
        [("campaigns_campaign", "campaign_live_needs_version")],
        [],
    ),
    (
        "campaigns.quota_is_booked",
        "UPDATE campaigns_funding SET quota_fen = quota_fen + 1 WHERE position = 0",
        ["campaigns_funding"],
        [],
        [],
    ),
    (
        "campaigns.funds_have_their_entry",
        "UPDATE campaigns_fundsmovement SET amount_fen = 999",
        ["campaigns_fundsmovement"],
        [],
        [],
    ),
    (
        "campaigns.closed_is_empty",
        "UPDATE campaigns_campaign SET state = 'CLOSED'",
        ["campaigns_campaign"],
        [],
        [],
    ),
    (
        "vouchers.counters_within_plan",
        "UPDATE vouchers_batch SET planned_units = 9",
        [BATCH],
        [COUNTERS],
        [],
    ),
    (
        "vouchers.issued_is_rows",
        "UPDATE vouchers_batch SET issued = 4",
        [BATCH],
        [],
        ["vouchers.reserved_is_unissued"],
    ),
    (
        "vouchers.slice_is_claims",
        "UPDATE vouchers_quotaslice SET issued = 2",
        [SLICE],
        [],
        ["vouchers.issued_is_rows"],
    ),
    (
        "vouchers.released_is_waves",
        "UPDATE vouchers_quotarelease SET opened_units = 9",
        [RELEASE],
        [],
        [],
    ),
    (
        "vouchers.limits_within_cap",
        "UPDATE vouchers_limituse SET used = 2",
        [LIMIT],
        [(LIMIT, "limit_use_within_cap")],
        [],
    ),
    (
        "vouchers.caps_as_claimed",
        """
        WITH rules AS (
            UPDATE vouchers_batchversion
               SET rules = rules || '{"caps": [{"code": "day", "scope": "CAMPAIGN"}]}'),
        limits AS (
            INSERT INTO vouchers_limit (campaign_id, code, side)
            SELECT c.id, '#day', 'CAP' FROM campaigns_campaign c RETURNING id)
        INSERT INTO vouchers_capuse (limit_id, window_start, window_end, used_units, used_fen)
        SELECT l.id, e.at, e.at + interval '1 day', 99, 99
          FROM limits l, (SELECT max(at) AS at FROM core_entry) e""",
        ["vouchers_batchversion"],
        [],
        [],
    ),
    (
        "vouchers.groups_exclude",
        """
        WITH rules AS (
            UPDATE vouchers_batchversion
               SET rules = rules || '{"group": "a", "conflicts": ["b"]}'),
        limits AS (
            INSERT INTO vouchers_limit (campaign_id, code, side)
            SELECT c.id, l.code, 'CLAIM' FROM campaigns_campaign c
             CROSS JOIN (VALUES ('@a'), ('@b')) AS l(code) RETURNING id)
        INSERT INTO vouchers_limituse (limit_id, window_start, key_id, used, cap)
        SELECT id, now(), 1, 1, 1 FROM limits""",
        ["vouchers_batchversion"],
        [],
        [],
    ),
    (
        "vouchers.reserved_is_unissued",
        "UPDATE vouchers_batch SET released = 11",
        [BATCH],
        [],
        ["vouchers.released_is_waves"],
    ),
    (
        "vouchers.state_is_money",
        "UPDATE vouchers_voucher SET state = 'VOIDED' WHERE number = 1",
        [VOUCHER],
        [],
        [],
    ),
    (
        "vouchers.parts_are_face",
        "UPDATE vouchers_voucher SET parts = ARRAY[1999, 701, 300] WHERE number = 1",
        [VOUCHER],
        [],
        ["vouchers.state_is_money"],
    ),
    (
        "vouchers.claim_is_entry",
        "UPDATE vouchers_claim SET entry_id = gen_random_uuid()"
        " WHERE id = (SELECT claim_id FROM vouchers_voucher WHERE number = 1)",
        [CLAIM],
        [],
        [],
    ),
    (
        "vouchers.swept_in_time",
        "UPDATE vouchers_voucher SET valid_until = issued_at - interval '2 hours',"
        " valid_from = issued_at - interval '9 hours' WHERE number = 1",
        [VOUCHER],
        [],
        [],
    ),
    (
        "vouchers.slices_fall_back_in_time",
        """
        WITH slices AS (
            UPDATE vouchers_quotaslice
               SET channel_id = (SELECT id FROM core_client ORDER BY id LIMIT 1))
        UPDATE vouchers_quotarelease SET fall_back_at = slot - interval '2 hours'""",
        [SLICE, RELEASE],
        [(RELEASE, "release_channels")],
        [],
    ),
    (
        "vouchers.no_orphans",
        "UPDATE vouchers_claim SET enrolment_id = gen_random_uuid()"
        " WHERE id = (SELECT claim_id FROM vouchers_voucher WHERE number = 1)",
        [CLAIM],
        [],
        [],
    ),
    (
        "vouchers.claim_has_its_vouchers",
        "UPDATE vouchers_claim SET units = 2"
        " WHERE id = (SELECT claim_id FROM vouchers_voucher WHERE number = 1)",
        [CLAIM],
        [],
        ["vouchers.issued_is_rows", "vouchers.slice_is_claims", "vouchers.claim_is_entry"],
    ),
]


def test_every_check_has_a_case() -> None:
    registered = (*CAMPAIGN_CHECKS, *COUNTER_CHECKS, *MONEY_CHECKS, *ROW_CHECKS)
    assert [case[0] for case in CASES] == [check[0] for check in registered]


@pytest.mark.parametrize(
    ("name", "statement", "disable", "drop", "also"), CASES, ids=[case[0] for case in CASES]
)
def test_a_check_fires(
    name: str,
    statement: str,
    disable: Sequence[str],
    drop: Sequence[tuple[str, str]],
    also: Sequence[str],
) -> None:
    corrupt(statement, disable=disable, drop=drop)
    assert_fires(name, also=also)


def test_the_books_hold_after_expiry(live: LiveCampaign) -> None:
    assert vouchers_expire(now=OPENED_AT + timedelta(hours=73)) == 3
    assert_sound()
    assert Campaign.objects.get(pk=live.campaign.pk).state == "LIVE"
