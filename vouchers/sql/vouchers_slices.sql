-- What a wave keeps for channels: constraints Django cannot express.
ALTER TABLE vouchers_quotarelease DROP CONSTRAINT IF EXISTS release_channels_within;
ALTER TABLE vouchers_quotarelease ADD CONSTRAINT release_channels_within
    CHECK (0 < ALL (channel_units) AND array_total(channel_units) <= planned_units);
