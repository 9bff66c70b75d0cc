"""Checks: what was redeemed is what the frozen rules allow."""

# A region code covers its subtree: 450000 → 45…, 450100 → 4501…, 450103 → itself.
_COVERS = "{code} LIKE regexp_replace({region}, '(0000|00)$', '') || '%'"

# What of a held order counts (redemption.rules.items), less the discounts of the basis. Orders of
# before there were items have kinds of goods with their amounts. h: the hold, b: the version.
_COUNTED = """
    CROSS JOIN LATERAL (SELECT
        coalesce(jsonb_array_length(b.rules #> '{use,items}'), 0) > 0 AS named,
        coalesce(h.detail -> 'items', (
            SELECT jsonb_agg(jsonb_build_object('category', g.key, 'amount_fen', g.value::bigint))
              FROM jsonb_each_text(h.detail -> 'goods') AS g)) AS items) lines
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(i.amount_fen), 0) AS fen
          FROM jsonb_to_recordset(lines.items) AS i(sku text, category text, amount_fen bigint)
         CROSS JOIN LATERAL (SELECT
            coalesce(b.rules #> '{use,excluded_goods}' ? i.category, false) OR EXISTS (
                SELECT FROM jsonb_to_recordset(b.rules #> '{use,excluded_items}')
                    AS x(sku text, category text)
                 WHERE i.sku = nullif(x.sku, '') OR i.category = nullif(x.category, ''))
                AS excluded,
            EXISTS (SELECT FROM jsonb_to_recordset(b.rules #> '{use,items}')
                    AS x(sku text, category text)
                 WHERE i.sku = nullif(x.sku, '') OR i.category = nullif(x.category, ''))
                AS listed) rule
         WHERE CASE WHEN lines.named THEN listed AND NOT excluded ELSE excluded END) told
    CROSS JOIN LATERAL (SELECT greatest(0,
        CASE WHEN lines.named THEN told.fen ELSE r.order_fen - told.fen END
        - CASE b.rules #>> '{benefit,basis}' WHEN 'AFTER_DISCOUNTS' THEN r.other_discount_fen
            WHEN 'AFTER_MERCHANT_DISCOUNTS' THEN r.other_discount_fen - r.bank_discount_fen
            ELSE 0 END) AS base) counted
"""

RULE_CHECKS = (
    (
        "redemption.confirmed_in_validity",
        "核销的占用时间在券有效期内",
        """
        SELECT r.id AS redemption, r.held_at, v.valid_from, v.valid_until
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        WHERE r.confirmed_at IS NOT NULL
            AND NOT (r.held_at >= v.valid_from AND r.held_at < v.valid_until)""",
    ),
    (
        "redemption.confirmed_in_hours",
        "核销的占用时间在券的可用时段内",
        """
        SELECT r.id AS redemption, r.held_at, b.rules #> '{use,hours}' AS hours
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        CROSS JOIN LATERAL (SELECT r.held_at AT TIME ZONE 'Asia/Shanghai' AS at) here
        WHERE r.confirmed_at IS NOT NULL
            AND coalesce(jsonb_array_length(b.rules #> '{use,hours}'), 0) > 0
            AND NOT EXISTS (
                SELECT FROM jsonb_to_recordset(b.rules #> '{use,hours}')
                    AS h(opens interval, closes interval, weekdays jsonb)
                CROSS JOIN LATERAL (
                    SELECT date_trunc('day', here.at) - back * interval '1 day' AS midnight
                    FROM generate_series(0, 1) AS back) began
                WHERE (coalesce(jsonb_array_length(h.weekdays), 0) = 0
                        OR h.weekdays @> to_jsonb(extract(isodow FROM began.midnight)::int))
                    AND here.at >= began.midnight + h.opens
                    AND here.at < began.midnight + h.closes
                        + CASE WHEN h.closes <= h.opens THEN interval '1 day'
                            ELSE interval '0' END)""",
    ),
    (
        "redemption.confirmed_in_region",
        "核销门店在活动和券的适用地区内",
        f"""
        SELECT r.id AS redemption, r.store_region
        FROM redemption_redemption r
        JOIN campaigns_campaign c ON c.id = r.campaign_id
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN coalesce(jsonb_array_length(b.rules #> '{{use,regions}}'), 0) > 0
            THEN ARRAY(SELECT jsonb_array_elements_text(b.rules #> '{{use,regions}}'))
            ELSE c.regions::text[] END AS regions) scope
        WHERE r.confirmed_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM unnest(scope.regions) AS region
            WHERE {_COVERS.format(code="r.store_region", region="region")})""",  # noqa: S608 - constants
    ),
    (
        "redemption.confirmed_in_scope",
        "核销门店是券指定的门店，品牌和商户分级符合规则",
        """
        SELECT r.id AS redemption, s.store_no, h.detail ->> 'brand' AS brand,
            h.detail ->> 'tier' AS tier, b.rules -> 'use' AS use
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN redemption_redemptionstep h ON h.redemption_id = r.id AND h.kind = 'HOLD'
        JOIN merchants_store s ON s.id = r.store_id
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        CROSS JOIN LATERAL (VALUES ('stores', s.store_no), ('brands', h.detail ->> 'brand'),
            ('tiers', h.detail ->> 'tier')) AS one(rule, own)
        WHERE r.confirmed_at IS NOT NULL
            AND coalesce(jsonb_array_length(b.rules -> 'use' -> one.rule), 0) > 0
            AND NOT b.rules -> 'use' -> one.rule ? coalesce(one.own, '')""",
    ),
    (
        "redemption.confirmed_at_threshold",
        "核销的订单达到使用门槛，且顾客至少自付一分（兑换券可不自付）",
        f"""
        SELECT r.id AS redemption, r.order_fen, r.payable_fen, counted.base
        FROM redemption_redemption r
        JOIN redemption_redemptionline n ON n.redemption_id = r.id
        JOIN redemption_redemptionstep h ON h.redemption_id = r.id AND h.kind = 'HOLD'
        JOIN vouchers_voucher v ON v.id = n.voucher_id
        JOIN vouchers_batchversion b ON b.id = v.batch_version_id
        {_COUNTED}
        WHERE r.confirmed_at IS NOT NULL AND (r.payable_fen <
                CASE b.rules #>> '{{benefit,type}}' WHEN 'EXCHANGE' THEN 0 ELSE 1 END
            OR counted.base < coalesce(b.rules #>> '{{benefit,threshold_fen}}',
                    b.rules #>> '{{benefit,tiers,0,from_fen}}')::bigint)""",  # noqa: S608 - constants
    ),
    (
        "redemption.subsidy_as_ruled",
        "抵用金额等于面额，折扣券、阶梯券、兑换券按规则计算",
        f"""
        WITH used AS (
            SELECT r.id, v.id AS voucher_id, n.used_fen, v.face_fen,
                b.rules -> 'benefit' AS benefit, counted.base,
                r.order_fen - r.other_discount_fen AS left_fen, lines.items, r.order_fen,
                r.other_discount_fen - r.bank_discount_fen AS offer_fen
            FROM redemption_redemption r
            JOIN redemption_redemptionline n ON n.redemption_id = r.id
            JOIN redemption_redemptionstep h ON h.redemption_id = r.id AND h.kind = 'HOLD'
            JOIN vouchers_voucher v ON v.id = n.voucher_id
            JOIN vouchers_batchversion b ON b.id = v.batch_version_id
            {_COUNTED})
        SELECT id AS redemption, used_fen, face_fen, benefit, base FROM used
        WHERE base > (benefit ->> 'ceiling_fen')::bigint
            OR used_fen IS DISTINCT FROM CASE benefit ->> 'type'
            WHEN 'PERCENTAGE' THEN least(face_fen,
                div(2 * base * (benefit ->> 'rate_bp')::bigint + 10000, 20000))
            WHEN 'TIERS' THEN (SELECT max((t ->> 'subsidy_fen')::bigint)
                FROM jsonb_array_elements(benefit -> 'tiers') AS t
                WHERE base >= (t ->> 'from_fen')::bigint)
            WHEN 'RANDOM' THEN (benefit ->> 'min_fen')::bigint
                + ('x' || substr(md5(voucher_id::text), 1, 8))::bit(32)::bigint
                % (face_fen - (benefit ->> 'min_fen')::bigint + 1)
            WHEN 'EXCHANGE' THEN (
                SELECT least(face_fen, left_fen, cost.fen
                    - div(2 * cost.fen * offer_fen + order_fen, 2 * order_fen))
                FROM (SELECT greatest(1, div(sum(i.amount_fen) * item.pieces, sum(i.quantity)))
                    FROM jsonb_to_recordset(items)
                        AS i(sku text, quantity bigint, amount_fen bigint)
                    CROSS JOIN (SELECT (benefit ->> 'quantity')::bigint AS pieces) item
                    WHERE i.sku = benefit ->> 'sku'
                    GROUP BY item.pieces HAVING sum(i.quantity) >= item.pieces) AS cost(fen))
            ELSE face_fen END""",  # noqa: S608 - constants
    ),
    (
        "redemption.tenders_are_payment",
        "顾客支付方式合计等于顾客实付",
        """
        SELECT s.redemption_id AS redemption, s.payer_fen, s.detail -> 'tenders' AS tenders
        FROM redemption_redemptionstep s
        WHERE s.kind = 'CONFIRM' AND coalesce(jsonb_array_length(s.detail -> 'tenders'), 0) > 0
            AND s.payer_fen <> (SELECT sum((t ->> 'amount_fen')::bigint)
                                  FROM jsonb_array_elements(s.detail -> 'tenders') AS t)""",
    ),
)
