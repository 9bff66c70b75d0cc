-- On which devices people claimed: the one of the request, and each the account carried then (FC2 and
-- the batch rule `device` count the same facts). A person is a document; an account without one
-- counts for itself. A claim is there once per device.
CREATE OR REPLACE VIEW vouchers_deviceuse AS
SELECT u.device_id, u.claim_id, u.at, u.enrolment_id, u.campaign_id, u.owner_region,
       coalesce(p.key_id::text, u.enrolment_id::text) AS person
  FROM (
    SELECT c.device_id, c.id AS claim_id, c.at, c.enrolment_id, b.campaign_id, c.owner_region
      FROM vouchers_claim c
      JOIN vouchers_batch b ON b.id = c.batch_id
     WHERE c.device_id IS NOT NULL
    UNION ALL
    SELECT d.key_id, c.id, c.at, c.enrolment_id, b.campaign_id, c.owner_region
      FROM vouchers_enrolmentkey d
      JOIN vouchers_claim c ON c.enrolment_id = d.enrolment_id
      JOIN vouchers_batch b ON b.id = c.batch_id
     WHERE d.kind = 'DEVICE' AND d.valid_from <= c.at
       AND (d.valid_until IS NULL OR d.valid_until > c.at)
       AND c.device_id IS DISTINCT FROM d.key_id
  ) u
  LEFT JOIN vouchers_enrolmentkey p
    ON p.enrolment_id = u.enrolment_id AND p.kind = 'DOCUMENT' AND p.valid_until IS NULL;
