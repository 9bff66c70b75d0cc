"""The checks of grants over the books: a list, its chunks and its claims say the same."""

# The key of a granted claim names its grant and the row of the list (vouchers/grants/chunks.py).
_CLAIMS = """
    SELECT split_part(idempotency_key, ':', 2)::uuid AS grant_id,
           split_part(idempotency_key, ':', 3)::int AS line, client_id, batch_id, enrolment_id,
           units
      FROM vouchers_claim WHERE idempotency_key LIKE 'grant:%'
"""

GRANT_CHECKS = (
    (
        "vouchers.grant_is_claims",
        "定向发放的已发放人数等于其领取记录，完成后每人都有结果",
        f"""
        WITH claims AS (
            SELECT grant_id, count(*) AS claims FROM ({_CLAIMS}) c GROUP BY grant_id),
        chunks AS (
            SELECT grant_id, sum(size) AS people, sum(granted) AS granted,
                   coalesce(sum(size) FILTER (WHERE decided_at IS NOT NULL), 0) AS decided
              FROM vouchers_grantchunk GROUP BY grant_id)
        SELECT coalesce(g.id, claims.grant_id) AS grant, g.state, g.people, g.granted, g.refused,
               chunks.decided, coalesce(claims, 0) AS claims
        FROM vouchers_grant g
        LEFT JOIN chunks ON chunks.grant_id = g.id
        FULL JOIN claims ON claims.grant_id = g.id
        WHERE g.id IS NULL OR (g.people, g.granted, g.granted + g.refused)
              IS DISTINCT FROM (coalesce(chunks.people, 0), coalesce(chunks.granted, 0),
                                coalesce(chunks.decided, 0))
           OR coalesce(claims, 0) < g.granted
           OR g.state = 'DONE' AND (coalesce(claims, 0), chunks.decided)
              IS DISTINCT FROM (g.granted::bigint, g.people::bigint)
           OR g.state NOT IN ('GRANTING', 'DONE') AND claims > 0""",  # noqa: S608 - ours
    ),
    (
        "vouchers.grant_names_its_people",
        "定向发放的每笔领取都是名单该行的人员，一行一张",
        f"""
        SELECT c.grant_id AS grant, c.line, c.enrolment_id AS claimed_by, row.person_id AS named
        FROM ({_CLAIMS}) c
        LEFT JOIN vouchers_grant g ON g.id = c.grant_id
        LEFT JOIN (SELECT k.grant_id, r.line, r.person_id
                     FROM vouchers_grantchunk k,
                          unnest(k.lines, k.people) AS r(line, person_id)) row
               ON row.grant_id = c.grant_id AND row.line = c.line
        WHERE (c.enrolment_id, c.client_id, c.batch_id, c.units::int)
              IS DISTINCT FROM (row.person_id, g.client_id, g.batch_id, 1)""",  # noqa: S608 - ours
    ),
)
