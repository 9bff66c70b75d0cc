"""SQL of the audit chain; the digests are computed where the rows are.

Moments are hashed as microseconds, so that no session setting changes a digest.
"""

EVENT_DIGEST = """encode(sha256(convert_to(jsonb_build_array(
    e.id, (extract(epoch FROM e.at) * 1000000)::bigint,
    (extract(epoch FROM e.recorded_at) * 1000000)::bigint, e.actor_id, e.action, e.subject_type,
    e.subject_id, e.owner_region, e.reason, e.data)::text, 'UTF8')), 'hex')"""

POSTINGS_DIGEST = """(
    SELECT encode(sha256(coalesce(string_agg(sha256(convert_to(jsonb_build_array(
        p.id, p.entry_id, p.campaign_id, p.funder_id, p.debit_account_id, p.credit_account_id,
        p.amount_fen, n.code, n.source_key, n.business_date,
        (extract(epoch FROM n.at) * 1000000)::bigint)::text, 'UTF8')), ''::bytea ORDER BY p.id),
        ''::bytea)), 'hex')
    FROM core_posting p JOIN core_entry n ON n.id = p.entry_id
    WHERE p.id > %(after)s AND p.id <= %(until)s)"""

TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('xfq.audit_chain'))"
HEAD = "SELECT seq, chained FROM core_auditlink ORDER BY seq DESC LIMIT 1"
UNCHAINED_EVENTS = f"""
    SELECT e.id, {EVENT_DIGEST} FROM core_auditevent e
    WHERE NOT EXISTS (SELECT FROM core_auditlink l WHERE l.event_id = e.id)
    ORDER BY e.id LIMIT %s"""  # noqa: S608 - constants of this module
LAST_POSTING_CHAINED = "SELECT coalesce(max(postings_until), 0) FROM core_auditlink"

HIGHEST_POSTING = "SELECT coalesce(max(id), 0) FROM core_posting"
# Writing transactions of this database under way; a snapshot would name those of others as well.
WRITERS = """
    SELECT l.transactionid::text FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
        AND l.pid <> pg_backend_pid()
        AND a.datid = (SELECT oid FROM pg_database WHERE datname = current_database())"""

# The ends of intervals of at most so many postings, the boundary being the last one.
INTERVAL_ENDS = """
    SELECT id FROM (
        SELECT id, row_number() OVER (ORDER BY id) AS place, max(id) OVER () AS last
        FROM core_posting WHERE id > %s AND id <= %s) numbered
    WHERE place %% %s = 0 OR id = last ORDER BY id"""

_DIGEST_OF_LINK = POSTINGS_DIGEST.replace("%(after)s", "l.after").replace(
    "%(until)s", "l.postings_until"
)
BROKEN_LINKS = f"""
    SELECT seq FROM (
        SELECT l.seq, l.digest, l.previous, l.chained,
            lag(l.seq, 1, 0::bigint) OVER before AS seq_before,
            lag(l.chained, 1, repeat('0', 64)) OVER before AS chained_before,
            CASE WHEN l.event_id IS NOT NULL
                THEN (SELECT {EVENT_DIGEST} FROM core_auditevent e WHERE e.id = l.event_id)
                ELSE {_DIGEST_OF_LINK} END AS content
        FROM (SELECT *, coalesce(max(postings_until) OVER (
                  ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS after
              FROM core_auditlink) l
        WINDOW before AS (ORDER BY l.seq)) links
    WHERE seq <> seq_before + 1 OR previous <> chained_before OR digest IS DISTINCT FROM content
       OR chained <> encode(sha256(convert_to(
              seq || ':' || previous || ':' || digest, 'UTF8')), 'hex')"""  # noqa: S608 - constants of this module
