"""The kernel's own checks (architecture.md, Invariants).

Ages are real time, so the database's clock may be asked: nothing here is business time. Work that
is late by twenty minutes is stuck, not under way.
"""

from core.audit.sql import BROKEN_LINKS
from core.invariants.registry import register

LEDGER_CHECKS = (
    (
        "ledger.balance_is_sum_of_postings",
        "账户余额等于分录合计",
        """
        WITH moved AS (
            SELECT account_id, sum(fen) AS fen FROM (
                SELECT debit_account_id AS account_id, amount_fen AS fen FROM core_posting
                UNION ALL SELECT credit_account_id, -amount_fen FROM core_posting) sides
            GROUP BY account_id)
        SELECT a.id AS account, a.kind, a.balance_fen, signed.fen AS postings_fen
        FROM core_account a LEFT JOIN moved ON moved.account_id = a.id,
            LATERAL (SELECT CASE WHEN ledger_debit_side(a.kind) THEN 1 ELSE -1 END
                            * coalesce(moved.fen, 0) AS fen) signed
        WHERE a.balance_fen <> signed.fen""",
    ),
    (
        "ledger.balance_not_negative",
        "账户余额不为负",
        "SELECT id AS account, kind, balance_fen FROM core_account WHERE balance_fen < 0",
    ),
    (
        "ledger.posting_one_campaign_and_funder",
        "每条分录只涉及一个活动和一个出资方",
        """
        SELECT p.id AS posting, p.entry_id AS entry FROM core_posting p
        LEFT JOIN core_account d ON d.id = p.debit_account_id
        LEFT JOIN core_account c ON c.id = p.credit_account_id
        LEFT JOIN core_entry e ON e.id = p.entry_id
        WHERE (d.campaign_id, d.funder_id, c.campaign_id, c.funder_id, e.campaign_id)
            IS DISTINCT FROM
            (p.campaign_id, p.funder_id, p.campaign_id, p.funder_id, p.campaign_id)""",
    ),
    (
        "ledger.posting_positive",
        "分录金额为正且借贷账户不同",
        """
        SELECT id AS posting, amount_fen FROM core_posting
        WHERE amount_fen <= 0 OR debit_account_id = credit_account_id""",
    ),
    (
        "ledger.sides_equal",
        "每个活动的每个出资方借方合计等于贷方合计",
        """
        SELECT campaign_id AS campaign, funder_id AS funder,
            coalesce(sum(balance_fen) FILTER (WHERE ledger_debit_side(kind)), 0) AS debit_fen,
            coalesce(sum(balance_fen) FILTER (WHERE NOT ledger_debit_side(kind)), 0) AS credit_fen
        FROM core_account GROUP BY campaign_id, funder_id
        HAVING coalesce(sum(balance_fen) FILTER (WHERE ledger_debit_side(kind)), 0)
            <> coalesce(sum(balance_fen) FILTER (WHERE NOT ledger_debit_side(kind)), 0)""",
    ),
    (
        "ledger.entry_has_posting",
        "每张凭证至少有一条分录",
        """
        SELECT e.id AS entry, e.code FROM core_entry e
        WHERE NOT EXISTS (SELECT FROM core_posting p WHERE p.entry_id = e.id)""",
    ),
)

RECORD_CHECKS = (
    (
        "audit.chain_unbroken",
        "审计链未断开",
        f"SELECT seq FROM ({BROKEN_LINKS}) broken ORDER BY seq",  # noqa: S608 - a constant
    ),
    (
        "audit.events_chained",
        "审计事件已入链",
        """
        SELECT e.id AS event, e.action FROM core_auditevent e
        WHERE e.recorded_at < clock_timestamp() - interval '20 minutes'
            AND NOT EXISTS (SELECT FROM core_auditlink l WHERE l.event_id = e.id)""",
    ),
    (
        "approvals.depth_reached",
        "已批准事项的复核级数足够，且复核人不是经办人",
        """
        SELECT a.id AS approval, a.kind FROM core_approval a
        LEFT JOIN core_approvaldecision d ON d.approval_id = a.id
        GROUP BY a.id
        HAVING (a.state = 'APPROVED'
                AND count(DISTINCT d.checker_id) FILTER (WHERE d.agreed) < a.depth)
            OR bool_or(d.checker_id = a.maker_id)
            OR (a.state = 'APPROVED' AND bool_or(NOT d.agreed))""",
    ),
    (
        "outbox.acknowledged",
        "事件已被各消费者确认",
        """
        SELECT d.id AS delivery, d.consumer, d.state, e.topic
        FROM core_delivery d JOIN core_outboxevent e ON e.id = d.event_id
        WHERE d.state = 'PARKED' OR (
            d.state = 'PENDING' AND e.recorded_at < clock_timestamp() - interval '20 minutes')""",
    ),
    (
        "ticks.complete",
        "计划任务的每个时点都已执行",
        """
        SELECT id AS tick, job, tick_at, state FROM core_scheduledtick
        WHERE state <> 'DONE' AND claimed_at < clock_timestamp() - interval '20 minutes'""",
    ),
    (
        "screening.case_has_its_hits",
        "每个核查单都有命中，且对象一致",
        """
        SELECT c.id AS case_id, c.subject_type, c.subject_id FROM core_case c
        LEFT JOIN core_hit h ON h.case_id = c.id
        GROUP BY c.id
        HAVING count(h.id) = 0 OR bool_or(
            (h.campaign_id, h.subject_type::text, h.subject_id::text)
            IS DISTINCT FROM (c.campaign_id, c.subject_type::text, c.subject_id::text))""",
    ),
)


def kernel_checks_register() -> None:
    """Register the checks of the kernel's own tables."""
    for name, title_zh, sql in (*LEDGER_CHECKS, *RECORD_CHECKS):
        register(name, title_zh, sql)
