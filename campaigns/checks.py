"""The checks of this room over the books (architecture.md, Invariants); each returns no row."""

from core.invariants.registry import register

CAMPAIGN_CHECKS = (
    (
        "campaigns.version_is_what_was_approved",
        "方案版本与其审批的摘要一致",
        """
        SELECT v.id AS version, v.number, a.state FROM campaigns_version v
        JOIN core_approval a ON a.id = v.approval_id
        WHERE a.state <> 'APPROVED' OR a.kind <> 'campaign.version'
           OR a.config_hash <> v.config_hash""",
    ),
    (
        "campaigns.version_in_force_is_its_own",
        "生效版本属于本活动且为已批准版本",
        """
        SELECT c.id AS campaign, c.code, c.state FROM campaigns_campaign c
        LEFT JOIN campaigns_version v ON v.id = c.version_id
        WHERE (c.state NOT IN ('DRAFT', 'SUBMITTED') AND v.id IS NULL)
           OR (v.id IS NOT NULL AND v.campaign_id <> c.id)""",
    ),
    (
        "campaigns.quota_is_booked",
        "预算额度等于批复分录净额",
        """
        WITH booked AS (
            SELECT p.campaign_id, p.funder_id,
                   sum(CASE WHEN c.kind = 'AVAILABLE' THEN p.amount_fen
                            ELSE -p.amount_fen END) AS fen
              FROM core_posting p
              JOIN core_entry e ON e.id = p.entry_id AND e.code = 'BUDGET'
              JOIN core_account c ON c.id = p.credit_account_id
             GROUP BY p.campaign_id, p.funder_id)
        SELECT f.campaign_id AS campaign, f.funder_id AS funder, f.quota_fen,
               coalesce(b.fen, 0) AS booked_fen
        FROM campaigns_funding f
        FULL JOIN booked b ON b.campaign_id = f.campaign_id AND b.funder_id = f.funder_id
        WHERE f.quota_fen IS DISTINCT FROM coalesce(b.fen, 0)""",
    ),
    (
        "campaigns.funds_have_their_entry",
        "每笔资金收支对应一张等额凭证",
        """
        SELECT m.id AS movement, m.amount_fen FROM campaigns_fundsmovement m
        LEFT JOIN core_posting p ON p.entry_id = m.entry_id AND p.funder_id = m.funder_id
        WHERE p.amount_fen IS DISTINCT FROM m.amount_fen""",
    ),
    (
        "campaigns.closed_is_empty",
        "已关闭活动没有未了资金",
        """
        SELECT c.code, a.kind, a.balance_fen FROM campaigns_campaign c
        JOIN core_account a ON a.campaign_id = c.id AND a.balance_fen > 0
        WHERE c.state = 'CLOSED' AND a.kind IN ('RESERVED', 'HELD', 'EARMARKED', 'ADVANCE_PAYABLE',
              'PAYABLE_FROZEN', 'SETTLING', 'IN_TRANSIT')""",
    ),
)


def campaign_checks_register() -> None:
    """Make the checks known; repeating it changes nothing."""
    for name, title, sql in CAMPAIGN_CHECKS:
        register(name, title, sql)
