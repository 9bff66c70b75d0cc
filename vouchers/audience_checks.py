"""The checks of audiences over the books: lists are whole, and members alone have claimed."""

AUDIENCE_CHECKS = (
    (
        "vouchers.audience_list_is_members",
        "人群名单的成员数等于其成员，未采用的名单没有成员，各期先后生效",
        """
        SELECT s.id AS list, s.state, s.members, coalesce(m.members, 0) AS rows
        FROM vouchers_audiencesnapshot s
        LEFT JOIN (SELECT snapshot_id, count(*) AS members
                     FROM vouchers_audiencemember GROUP BY snapshot_id) m ON m.snapshot_id = s.id
        WHERE s.state <> 'CHECKING' AND s.members <> coalesce(m.members, 0)
           OR s.state IN ('REFUSED', 'CANCELLED') AND m.members > 0
           OR EXISTS (SELECT 1 FROM vouchers_audiencesnapshot o
                       WHERE o.audience_id = s.audience_id AND o.number > s.number
                         AND o.in_force_at <= s.in_force_at)""",
    ),
    (
        "vouchers.audience_members_known",
        "人群名单的成员都是该人群种类的身份标识",
        """
        SELECT m.snapshot_id AS list, m.key_id AS key, k.kind
        FROM vouchers_audiencemember m
        LEFT JOIN vouchers_audiencesnapshot s ON s.id = m.snapshot_id
        LEFT JOIN vouchers_audience a ON a.id = s.audience_id
        LEFT JOIN vouchers_identitykey k ON k.id = m.key_id
        WHERE k.kind IS DISTINCT FROM a.key_kind OR a.id IS NULL""",
    ),
    # By the version that the claim's vouchers followed, and any key that the account ever carried:
    # a key given back since then was his when he claimed.
    (
        "vouchers.audience_members_claimed",
        "定向批次的领取人都在领取时生效的人群名单内（定向发放除外）",
        """
        WITH aimed AS (
            SELECT batch_id, version_id, rules -> 'audience' ->> 'code' AS code
              FROM vouchers_batchversion WHERE rules -> 'audience' ->> 'code' IS NOT NULL)
        SELECT c.id AS claim, c.at, aimed.code AS audience, list.number AS list
        FROM aimed
        JOIN vouchers_claim c ON c.batch_id = aimed.batch_id
             AND c.idempotency_key NOT LIKE 'grant:%'
        JOIN LATERAL (SELECT f.version_id FROM vouchers_voucher v
                        JOIN vouchers_batchversion f ON f.id = v.batch_version_id
                       WHERE v.claim_id = c.id LIMIT 1) followed
             ON followed.version_id = aimed.version_id
        LEFT JOIN LATERAL (SELECT s.id, s.number FROM vouchers_audience a
                             JOIN vouchers_audiencesnapshot s ON s.audience_id = a.id
                            WHERE a.code = aimed.code AND s.state = 'APPROVED'
                              AND s.in_force_at <= c.at
                            ORDER BY s.in_force_at DESC LIMIT 1) list ON true
        WHERE NOT EXISTS (SELECT 1 FROM vouchers_enrolmentkey k
                            JOIN vouchers_audiencemember m ON m.key_id = k.key_id
                           WHERE k.enrolment_id = c.enrolment_id AND m.snapshot_id = list.id)""",
    ),
)
