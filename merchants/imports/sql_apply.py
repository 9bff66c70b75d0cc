"""The statements of `apply`, in their order. ``first``/``last`` bound what the bureau owns."""

MERCHANT_INSERT = """
    INSERT INTO merchants_merchant
        (id, uscc, name, mcc, industry, tier, owner_region, state, commitment_on)
    SELECT DISTINCT ON (i.uscc) i.merchant_id, i.uscc, i.merchant_name, i.mcc, i.industry, '-',
           i.owner_region, 'ACTIVE', i.commitment_on
    FROM import_row i
    WHERE NOT EXISTS (SELECT 1 FROM merchants_merchant m WHERE m.uscc = i.uscc)
    ORDER BY i.uscc, i.row_no
"""

MERCHANT_UPDATE = """
    UPDATE merchants_merchant m
    SET name = i.merchant_name, mcc = i.mcc,
        industry = CASE WHEN m.mcc = i.mcc THEN m.industry ELSE i.industry END,
        commitment_on = COALESCE(i.commitment_on, m.commitment_on)
    FROM (SELECT DISTINCT ON (uscc) * FROM import_row ORDER BY uscc, row_no) i
    WHERE m.uscc = i.uscc AND m.owner_region BETWEEN %(first)s AND %(last)s
      AND (m.name, m.mcc, m.commitment_on) IS DISTINCT FROM
          (i.merchant_name, i.mcc, COALESCE(i.commitment_on, m.commitment_on))
"""

STORE_INSERT = """
    INSERT INTO merchants_store
        (id, store_no, merchant_id, name, region_code, owner_region, address, longitude, latitude,
         is_active, opens_at, closes_at)
    SELECT DISTINCT ON (m.id, i.store_name, i.region_code) i.store_id, i.store_no, m.id,
           i.store_name, i.region_code, i.owner_region, i.address, i.longitude, i.latitude,
           true, i.opens_at, i.closes_at
    FROM import_row i
    JOIN merchants_merchant m ON m.uscc = i.uscc
    WHERE NOT EXISTS (
        SELECT 1 FROM merchants_store s
        WHERE s.merchant_id = m.id AND s.name = i.store_name AND s.region_code = i.region_code)
    ORDER BY m.id, i.store_name, i.region_code, i.row_no
"""

STORE_UPDATE = """
    UPDATE merchants_store s
    SET address = i.address, longitude = COALESCE(i.longitude, s.longitude),
        latitude = COALESCE(i.latitude, s.latitude), opens_at = COALESCE(i.opens_at, s.opens_at),
        closes_at = COALESCE(i.closes_at, s.closes_at)
    FROM (SELECT DISTINCT ON (uscc, store_name, region_code) *
          FROM import_row ORDER BY uscc, store_name, region_code, row_no) i
    JOIN merchants_merchant m ON m.uscc = i.uscc
    WHERE s.merchant_id = m.id AND s.name = i.store_name AND s.region_code = i.region_code
      AND s.owner_region BETWEEN %(first)s AND %(last)s
      AND (s.address, s.longitude, s.latitude, s.opens_at, s.closes_at) IS DISTINCT FROM
          (i.address, COALESCE(i.longitude, s.longitude), COALESCE(i.latitude, s.latitude),
           COALESCE(i.opens_at, s.opens_at), COALESCE(i.closes_at, s.closes_at))
"""

_REPORTED = """
    (SELECT DISTINCT ON (merchant_no) * FROM import_row ORDER BY merchant_no, row_no) i
"""
_CURRENT = """
    p.acquirer_id = %(acquirer)s AND p.merchant_no = i.merchant_no AND p.valid_until IS NULL
"""

PAYEE_CHANGES = f"""
    SELECT i.merchant_no, p.account_tail, i.account_tail
    FROM {_REPORTED} JOIN merchants_payee p ON {_CURRENT}
    WHERE p.account_hash <> ALL (i.account_hashes) ORDER BY i.merchant_no
"""  # noqa: S608 - constants of this module

PAYEE_RENAME = f"""
    UPDATE merchants_payee p SET account_name = i.account_name
    FROM {_REPORTED}
    WHERE {_CURRENT} AND p.account_hash = ANY (i.account_hashes)
      AND p.account_name <> i.account_name
"""  # noqa: S608 - constants of this module

PAYEE_CLOSE = f"""
    UPDATE merchants_payee p SET valid_until = %(now)s
    FROM {_REPORTED}
    WHERE {_CURRENT} AND p.account_hash <> ALL (i.account_hashes)
"""  # noqa: S608 - constants of this module

# An account that was paid before is the same payee again: its row is opened, not repeated.
PAYEE_REOPEN = f"""
    UPDATE merchants_payee p
    SET valid_until = NULL, valid_from = %(now)s, account_name = i.account_name
    FROM {_REPORTED}
    WHERE p.acquirer_id = %(acquirer)s AND p.merchant_no = i.merchant_no
      AND p.valid_until IS NOT NULL AND p.account_hash = ANY (i.account_hashes)
      AND NOT EXISTS (SELECT 1 FROM merchants_payee c
                      WHERE c.acquirer_id = p.acquirer_id AND c.merchant_no = p.merchant_no
                        AND c.valid_until IS NULL)
"""  # noqa: S608 - constants of this module

PAYEE_INSERT = f"""
    INSERT INTO merchants_payee
        (id, acquirer_id, merchant_id, merchant_no, account_name, account_tail, account_hash,
         owner_region, valid_from)
    SELECT i.payee_id, %(acquirer)s, m.id, i.merchant_no, i.account_name, i.account_tail,
           i.account_hashes[1], i.owner_region, %(now)s
    FROM {_REPORTED} JOIN merchants_merchant m ON m.uscc = i.uscc
    WHERE NOT EXISTS (SELECT 1 FROM merchants_payee p WHERE {_CURRENT})
"""  # noqa: S608 - constants of this module

_STORE_OF_TERMINAL = """
    FROM import_terminal x
    JOIN import_row i USING (row_no)
    JOIN merchants_merchant m ON m.uscc = i.uscc
    JOIN merchants_store s
      ON s.merchant_id = m.id AND s.name = i.store_name AND s.region_code = i.region_code
"""

# A terminal that stands elsewhere now has to be tested again (domain-rules §9).
TERMINAL_UPDATE = f"""
    UPDATE merchants_terminal t
    SET store_id = placed.store_id, merchant_no = placed.merchant_no, tested_at = NULL
    FROM (SELECT x.terminal_no, s.id AS store_id, i.merchant_no {_STORE_OF_TERMINAL}) AS placed
    WHERE t.acquirer_id = %(acquirer)s AND t.terminal_no = placed.terminal_no
      AND (t.store_id, t.merchant_no) IS DISTINCT FROM (placed.store_id, placed.merchant_no)
"""  # noqa: S608 - constants of this module

TERMINAL_INSERT = f"""
    INSERT INTO merchants_terminal (id, acquirer_id, terminal_no, store_id, merchant_no, is_active)
    SELECT x.terminal_id, %(acquirer)s, x.terminal_no, s.id, i.merchant_no, true
    {_STORE_OF_TERMINAL}
    WHERE NOT EXISTS (
        SELECT 1 FROM merchants_terminal t
        WHERE t.acquirer_id = %(acquirer)s AND t.terminal_no = x.terminal_no)
"""  # noqa: S608 - constants of this module

# The contact's number, hashed: rule FM10 recognises the merchant's own people by it.
CONTACT_INSERT = """
    INSERT INTO merchants_merchantstaff
        (merchant_id, store_id, position, key_kind, pepper_version, key_hash, masked)
    SELECT DISTINCT ON (m.id, i.phone_hash) m.id, s.id, 'STAFF', 'MOBILE', i.phone_version,
           i.phone_hash, left(i.contact_masked, 24)
    FROM import_row i
    JOIN merchants_merchant m ON m.uscc = i.uscc
    JOIN merchants_store s
      ON s.merchant_id = m.id AND s.name = i.store_name AND s.region_code = i.region_code
    WHERE i.phone_hash IS NOT NULL
    ORDER BY m.id, i.phone_hash, i.row_no
    ON CONFLICT (merchant_id, key_kind, key_hash) DO NOTHING
"""
