-- Constraints Django cannot express.
ALTER TABLE redemption_redemptionline DROP CONSTRAINT IF EXISTS redemption_line_parts_are_used;
ALTER TABLE redemption_redemptionline ADD CONSTRAINT redemption_line_parts_are_used
    CHECK (array_total(parts) = used_fen);
ALTER TABLE redemption_redemptionstep DROP CONSTRAINT IF EXISTS redemption_step_parts_are_subsidy;
ALTER TABLE redemption_redemptionstep ADD CONSTRAINT redemption_step_parts_are_subsidy
    CHECK (array_total(parts) = subsidy_fen
           AND cardinality(parts) = cardinality(funder_ids));
ALTER TABLE redemption_redemption SET (fillfactor = 80);
