-- Constraints Django cannot express.
ALTER TABLE redemption_settlementline DROP CONSTRAINT IF EXISTS settlement_line_parts;
ALTER TABLE redemption_settlementline ADD CONSTRAINT settlement_line_parts
    CHECK (array_total(parts) = amount_fen AND cardinality(parts) = cardinality(funder_ids));
ALTER TABLE redemption_payout DROP CONSTRAINT IF EXISTS payout_parts;
ALTER TABLE redemption_payout ADD CONSTRAINT payout_parts
    CHECK (array_total(parts) = amount_fen AND cardinality(parts) = cardinality(funder_ids)
           AND 0 <= ALL (parts));
ALTER TABLE redemption_frozenfact DROP CONSTRAINT IF EXISTS frozen_fact_parts;
ALTER TABLE redemption_frozenfact ADD CONSTRAINT frozen_fact_parts
    CHECK (array_total(parts) = amount_fen AND cardinality(parts) = cardinality(funder_ids)
           AND 0 <= ALL (parts));
