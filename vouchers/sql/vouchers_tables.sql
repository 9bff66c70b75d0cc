-- Constraints Django cannot express.
ALTER TABLE vouchers_voucher DROP CONSTRAINT IF EXISTS voucher_parts_are_face;
ALTER TABLE vouchers_voucher ADD CONSTRAINT voucher_parts_are_face
    CHECK (array_total(parts) = face_fen);
-- Hot rows are updated in place: leave room on their pages.
ALTER TABLE vouchers_batch SET (fillfactor = 50);
ALTER TABLE vouchers_quotaslice SET (fillfactor = 50);
ALTER TABLE vouchers_voucher SET (fillfactor = 80);
